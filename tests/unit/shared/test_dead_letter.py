"""What is said about a dead letter, whatever is in it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from shared.messaging.dead_letter import DeadLetter


def letter(headers: Mapping[str, Any], body: bytes = b"{}", message_id: str | None = None) -> DeadLetter:
    told = {"body": body, "message_id": message_id, "headers": headers, "routing_key": "q", "content_type": None}
    message: Any = SimpleNamespace(**told)
    return DeadLetter(message)


def test_a_message_without_an_id_is_named_by_its_body() -> None:
    assert letter({}, b"one").id == letter({}, b"one").id != letter({}, b"two").id
    assert letter({}, b"one").id.startswith("sha256-")


@pytest.mark.parametrize(
    ("written", "organisation"),
    [
        ('"7"', 7),
        ("7", 7),
        (f'"{2**63 - 1}"', 2**63 - 1),
        ('"7.0"', None),
        ("true", None),
        ('"\u0667"', None),
        ("null", None),
    ],
)
def test_the_organisation_is_read_as_text_and_as_a_number(written: str, organisation: int | None) -> None:
    assert letter({}, f'{{"organisationid": {written}}}'.encode()).organisation_id == organisation


@pytest.mark.parametrize("death", [7, [], [7], [{}], [{"reason": 7, "time": 7, "routing-keys": 7}], "rejected"])
def test_headers_of_a_wrong_kind_are_borne(death: Any) -> None:
    strange = letter({"x-death": death, "x-attempts": -1, "x-delivery-count": "9"})
    assert (strange.attempts, strange.deliveries, strange.routing_key) == (1, 0, "q")
    assert isinstance(strange.reason, str)
    assert strange.retry().headers["x-attempts"] == 1


def test_what_rabbitmq_said_of_it_outlives_a_fresh_copy() -> None:
    death = {"reason": b"delivery_limit", "time": datetime(2026, 1, 2, tzinfo=UTC), "routing-keys": [b"course.saved"]}
    copied = letter({"x-death": [death], "x-first-death-reason": "delivery_limit", "x-delivery-count": 10}).copy()
    again = letter(copied.headers)
    assert (again.reason, again.first_failed_at) == ("RabbitMQ: delivery_limit", "2026-01-02T00:00:00+00:00")
    assert (again.attempts, again.routing_key, again.deliveries) == (1, "course.saved", 0)


def test_nothing_in_a_message_can_write_to_the_terminal() -> None:
    hostile = letter({"x-reason": "\r\n\u202e", "\x1b": b"\x9b1m"}, b"\x1b[2J", "\x1b]0;title\x07")
    assert all(text.isprintable() for text in (hostile.id, hostile.reason, hostile.body, *hostile.headers.values()))
