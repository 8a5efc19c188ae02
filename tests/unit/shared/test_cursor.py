"""Cursors: what is read back, and what nobody was given."""

import re
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.cursor import LENGTH, Place, decode, encode, walk_of
from shared.validation.fields import MAX_ID

WALK = walk_of(7, "/api/v1/training/courses", {"category": "safety"})
PLACES = st.builds(Place, st.binary(min_size=9, max_size=9), st.integers(0, MAX_ID))


@given(place=PLACES)
def test_a_place_is_read_back_from_text_that_an_address_may_hold(place: Place) -> None:
    cursor = encode(place)
    assert re.fullmatch(r"[A-Za-z0-9_-]{36}", cursor)
    assert decode(cursor) == place


@given(place=PLACES, at=st.integers(0, LENGTH - 1), character=st.characters())
def test_a_text_that_differs_by_a_character_is_refused(place: Place, at: int, character: str) -> None:
    cursor = encode(place)
    altered = f"{cursor[:at]}{character}{cursor[at + 1 :]}"
    if altered != cursor:
        with pytest.raises(ValueError, match="is not a cursor"):
            decode(altered)


@given(text=st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a cursor"):
        decode(text)


@pytest.mark.parametrize("length", [0, 18, 26, 28])
def test_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="is not a cursor"):
        decode(urlsafe_b64encode(bytes(length)).decode())


def test_a_cursor_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = encode(Place(WALK, 7))
    monkeypatch.setattr("shared.http.cursor.VERSION", 2)
    with pytest.raises(ValueError, match="is not a cursor"):
        decode(cursor)


@pytest.mark.parametrize(
    "other",
    [
        walk_of(8, "/api/v1/training/courses", {"category": "safety"}),
        walk_of(7, "/api/v1/training/sessions", {"category": "safety"}),
        walk_of(7, "/api/v1/training/courses", {"category": "technical"}),
        walk_of(7, "/api/v1/training/courses", {"delivery_mode": "safety"}),
        walk_of(7, "/api/v1/training/courses", {}),
    ],
)
def test_another_organisation_list_or_filter_is_another_walk(other: bytes) -> None:
    assert other != WALK


def test_the_order_of_the_filters_is_nothing_to_a_walk() -> None:
    assert walk_of(7, "/x", {"a": 1, "b": 2}) == walk_of(7, "/x", {"b": 2, "a": 1})
