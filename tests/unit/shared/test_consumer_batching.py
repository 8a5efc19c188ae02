"""What goes together in a consumer's batch, and how long it waits for more."""

from types import SimpleNamespace
from typing import Any

import pytest

from shared.events.cloudevents import EventInvalid
from shared.messaging.consumer import BATCH, BUSY_RATE, GATHER_SECONDS, Arrivals, Batch, gather_seconds
from shared.messaging.subscriptions import Subscribed
from tests.support.events import encoded, enrollment


def delivery_of(body: bytes) -> Any:
    return SimpleNamespace(body=body)


def delivery(number: int) -> Any:
    _, body = encoded(enrollment(7, number))
    return delivery_of(body.encode())


def arrivals(*deliveries: Any) -> Arrivals:
    arrived = Arrivals()
    for each in deliveries:
        arrived.put_nowait(each)
    return arrived


@pytest.mark.parametrize(
    ("messages", "seconds", "waits"),
    [
        (1, float("inf"), 0.0),
        (500, 60.0, 0.0),
        (BUSY_RATE // 100, 0.01, 0.0),
        (BUSY_RATE // 100 + 1, 0.01, GATHER_SECONDS),
        (BUSY_RATE, 1.0, GATHER_SECONDS),
        (BATCH, 0.0, GATHER_SECONDS),
    ],
)
def test_a_batch_waits_for_more_where_many_come_in_a_second(messages: int, seconds: float, waits: float) -> None:
    assert gather_seconds(messages, seconds) == waits


def test_a_batch_takes_what_has_arrived() -> None:
    batch, arrived = Batch(delivery(1), Subscribed({})), arrivals(delivery(2), last := delivery(3))
    batch.take(arrived)
    assert [event.data.id for event in batch.messages()] == [1, 2, 3]
    assert batch.last is last
    assert arrived.empty()


def test_a_full_batch_leaves_the_rest_where_it_is() -> None:
    batch, arrived = Batch(delivery(1), Subscribed({})), arrivals(*map(delivery, range(2, BATCH + 3)))
    batch.take(arrived)
    batch.take(arrived)
    assert len(batch) == BATCH
    assert arrived.qsize() == 2


def test_the_end_stays_for_the_next_to_find() -> None:
    batch, arrived = Batch(delivery(1), Subscribed({})), arrivals(delivery(2), None)
    for _ in range(2):
        batch.take(arrived)
    assert len(batch) == 2
    assert arrived.qsize() == 1
    assert arrived.get_nowait() is None


def test_what_cannot_be_read_is_set_aside_and_acknowledged_with_the_rest() -> None:
    batch = Batch(unreadable := delivery_of(b"{}"), Subscribed({}))
    batch.take(arrivals(delivery(2), last := delivery_of(b"no JSON")))
    assert [event.data.id for event in batch.messages()] == [2]
    assert [each for each, _ in batch.invalid] == [unreadable, last]
    assert all(isinstance(error, EventInvalid) for _, error in batch.invalid)
    assert batch.last is last
    assert len(batch) == 3


def test_what_meets_a_defect_is_kept_apart_and_not_left_out() -> None:
    """Left out of the batch it would be acknowledged with it, and lost."""

    class Defective(Subscribed):
        def decode(self, body: bytes) -> Any:
            if body == b"defect":
                raise RecursionError
            return super().decode(body)

    batch, arrived = Batch(delivery(1), Defective({})), arrivals(delivery_of(b"defect"), delivery(3))
    batch.take(arrived)
    assert [event.data.id for event in batch.messages()] == [1, 3]
    assert [type(error) for _, error in batch.invalid] == [RecursionError]
