"""Every code of an error says when clients receive it and what they should do."""

import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from shared.errors import ApiError, IdempotencyInFlight, IdempotencyKeyReused, NotFound
from shared.http.refusals import refusals_of
from tests.support.services import ROUTES


def kinds(family: type[ApiError] = ApiError) -> Iterator[type[ApiError]]:
    """The family, those of tests left out."""
    yield family
    for kind in family.__subclasses__():
        if not kind.__module__.startswith("tests."):
            yield from kinds(kind)


KINDS = list(dict.fromkeys(kinds()))
WITH_A_CODE = [kind for kind in KINDS if "code" in vars(kind)]


@pytest.mark.parametrize("kind", WITH_A_CODE, ids=lambda kind: kind.__name__)
def test_a_code_of_its_own_is_explained(kind: type[ApiError]) -> None:
    assert {"meaning", "remedy"} <= set(vars(kind))
    for text in (kind.meaning, kind.remedy):
        assert re.fullmatch(r"[A-Z`].*\.", text)
        assert "  " not in text


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "code" not in vars(kind)], ids=lambda kind: kind.__name__)
def test_what_shares_a_code_leaves_its_explanation_to_the_first(kind: type[ApiError]) -> None:
    assert not {"meaning", "remedy"} & set(vars(kind))


def test_one_code_has_one_explanation() -> None:
    explained = defaultdict(set)
    for kind in WITH_A_CODE:
        explained[kind.code].add((kind.status, kind.meaning, kind.remedy))
    assert {code: each for code, each in explained.items() if len(each) > 1} == {}


def test_control_a_code_without_an_explanation_is_noticed() -> None:
    class Unexplained(NotFound):
        code = "unexplained"

    with pytest.raises(AssertionError):
        test_a_code_of_its_own_is_explained(Unexplained)


def test_every_error_that_a_route_declares_is_one_that_clients_can_receive() -> None:
    """A family without a code of its own, such as a refusal of anybody, is no answer."""
    declared = {kind for route in ROUTES for kind in refusals_of(route)}
    assert declared <= set(KINDS)
    assert {kind for kind in declared if kind.code == ApiError.code} == {ApiError}


def test_a_key_that_can_be_reused_can_be_in_flight() -> None:
    for route in ROUTES:
        declared = {IdempotencyKeyReused, IdempotencyInFlight} & set(route.refusals)
        assert len(declared) in (0, 2)
        assert not declared or route.method == "POST"
