"""Controls: what is drawn does reach what the guards refuse, so that a guard that is gone would be noticed."""

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest
from hypothesis import Phase, find, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import changed_members, mutated, mutated_bytes
from tests.fuzz.test_addresses_and_headers import HEADERS, TARGETS
from tests.security.keys import keys_of

PATIENT = settings(phases=[Phase.generate], deadline=None, max_examples=20_000, derandomize=True, database=None)
CLAIMS = changed_members(dict(keys_of("gateway", 7).claims))


def is_reached(strategy: st.SearchStrategy[Any], guarded: Callable[[Any], bool]) -> None:
    """Raises `NoSuchExample`."""
    assert guarded(find(strategy, guarded, settings=PATIENT))


@pytest.mark.parametrize("refused", ["//", "/../", "%2F", "%00", "%25", "#"])
def test_control_targets_with_what_is_refused(refused: str) -> None:
    is_reached(mutated(TARGETS), lambda raw: refused in raw)


@pytest.mark.parametrize("name", ["authorization", "x-organisation-id", "connection"])
def test_control_headers_that_are_kept_back(name: str) -> None:
    is_reached(HEADERS, lambda sent: any(sent_name.lower() == name for sent_name, _ in sent))


@pytest.mark.parametrize("claim", ["org", "exp"])
def test_control_claims_of_another_type(claim: str) -> None:
    is_reached(CLAIMS, lambda claims: claim in claims and not isinstance(claims[claim], int | str | list))


def test_control_numbers_that_no_decimal_can_hold() -> None:
    def breaks(body: bytes) -> bool:
        try:
            json.loads(body, parse_float=Decimal)
        except InvalidOperation:
            return True
        except ValueError:
            return False
        return False

    is_reached(mutated_bytes(st.just(b'{"score": 1.5}')), breaks)
