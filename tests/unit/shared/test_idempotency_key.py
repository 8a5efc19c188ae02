"""What an `Idempotency-Key` may be, and when two bodies are the same (contract, section 1)."""

from decimal import Decimal
from typing import Any

import pytest

from services.catalog.schemas import CourseFields
from shared.errors import ValidationFailed
from shared.http.idempotency_key import digest, read_key

COURSE: dict[str, Any] = {"title": "T", "category": "safety", "delivery_mode": "online", "duration_hours": 1}


@pytest.mark.parametrize("key", ["k", "x" * 255, " ~", "8e03978e-40d5-43dd-bc93-6894a57f9324"])
def test_printable_characters_make_a_key(key: str) -> None:
    assert read_key([key]) == key


@pytest.mark.parametrize("values", [[""], ["x" * 256], ["a\tb"], ["a\nb"], ["a\x00b"], ["a\x7fb"], ["é"], ["a", "a"]])
def test_anything_else_is_refused(values: list[str]) -> None:
    with pytest.raises(ValidationFailed) as refused:
        read_key(values)
    assert list(refused.value.details["errors"]) == ["Idempotency-Key"]


def test_without_the_header_there_is_no_key() -> None:
    assert read_key([]) is None


def course(**changes: Any) -> bytes:
    return digest(CourseFields.model_validate(COURSE | changes).model_dump())


def test_the_order_of_members_and_what_is_left_at_its_default_make_no_other_body() -> None:
    reordered = CourseFields.model_validate(dict(reversed(COURSE.items())))
    assert digest(reordered.model_dump()) == course()
    assert course(description=None, prerequisites=[]) == course()


@pytest.mark.parametrize("changes", [{"title": "U"}, {"duration_hours": Decimal("1.5")}, {"prerequisites": [1]}])
def test_another_value_makes_another_body(changes: dict[str, Any]) -> None:
    assert course(**changes) != course()


def test_the_order_of_a_list_makes_another_body() -> None:
    assert course(prerequisites=[1, 2]) != course(prerequisites=[2, 1])
