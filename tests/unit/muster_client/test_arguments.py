"""What a caller may give wrongly: said before anything is sent."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from muster.arguments import OMIT, filled, members_of, plain, query_of
from muster.asking import request_of
from muster.errors import BadInput
from muster.models import IdAndName


@pytest.mark.parametrize("value", ["", ".", "..", None, True, "\ud800"])
def test_what_would_lead_elsewhere_is_no_id(value: Any) -> None:
    with pytest.raises(BadInput, match="id cannot be"):
        filled("/courses/{id}", {"id": value})


def test_signs_of_an_id_are_quoted() -> None:
    assert filled("/courses/{id}/x", {"id": "7/../8?a=ü"}) == "/courses/7%2F..%2F8%3Fa%3D%C3%BC/x"


def test_values_of_a_query() -> None:
    moment = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
    given = {"a": None, "b": True, "c": 7, "d": moment, "e": dt.date(2026, 5, 1), "f": "ü"}
    assert query_of(given) == {"b": "true", "c": "7", "d": "2026-05-01T00:00:00+00:00", "e": "2026-05-01", "f": "ü"}


def test_a_time_without_a_zone_is_refused() -> None:
    for use in (lambda each: query_of({"since": each}), lambda each: members_of({"since": each})):
        with pytest.raises(BadInput, match="since has no time zone"):
            use(dt.datetime(2026, 5, 1))


def test_values_of_a_body() -> None:
    given = {"left out": OMIT, "null": None, "score": Decimal("82.50"), "whole": Decimal(8), "ids": (1, 2)}
    assert members_of(given) == {"null": None, "score": 82.5, "whole": 8, "ids": [1, 2]}
    assert plain([IdAndName(id=1, name="North"), {"id": 2, "name": OMIT}]) == [{"id": 1, "name": "North"}, {"id": 2}]


@pytest.mark.parametrize("value", [float("nan"), Decimal("Infinity"), object(), "\ud800"])
def test_what_json_does_not_have_is_refused(value: Any) -> None:
    with pytest.raises(BadInput):
        request_of("POST", "/x", {"body": {"a": value}})


@pytest.mark.parametrize("key", ["ä", "a\nb", "a\r\nX-Other: 1"])
def test_a_header_stays_one(key: str) -> None:
    with pytest.raises(BadInput, match="Idempotency-Key"):
        request_of("POST", "/x", {"idempotency_key": key})
