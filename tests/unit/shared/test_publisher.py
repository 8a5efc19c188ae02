import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pamqp.frame
import pytest
from pamqp.commands import Basic
from pamqp.header import ContentHeader

import shared.messaging.publisher
from shared.messaging.amqp_frames import BODY, HEADER, METHOD
from shared.messaging.errors import BrokerUnavailable
from shared.messaging.outbox import OutboxRow
from shared.messaging.publisher import Outcome, Publisher

C, R, U = Outcome.CONFIRMED, Outcome.REFUSED, Outcome.UNKNOWN
CHANNEL = 3
FRAME_MAX = 4096
Reply = Basic.Ack | Basic.Nack


class FrameTap:
    """Remembers what is sent."""

    def __init__(self) -> None:
        self.sent = b""

    async def send(self, frames: bytes) -> None:
        self.sent += frames

    def frames(self) -> list[Any]:
        found, rest = [], self.sent
        while rest:
            size, channel, read = pamqp.frame.unmarshal(rest)
            assert channel == CHANNEL
            found.append(read)
            rest = rest[size:]
        return found


def publisher_to(tap: FrameTap) -> Publisher:
    anything: Any = tap
    return Publisher(anything, CHANNEL, "events", FRAME_MAX)


def rows(number: int, body: str = "{}") -> list[OutboxRow]:
    return [OutboxRow(n, uuid4(), "course.saved", body, True) for n in range(number)]


def reply(publisher: Publisher, answer: Reply) -> None:
    assert publisher.handle(METHOD, answer.index.to_bytes(4, "big") + answer.marshal())


def give_back(publisher: Publisher, event_id: UUID) -> None:
    returned = Basic.Return(312, "NO_ROUTE", "events", "course.saved")
    header = ContentHeader(body_size=2, properties=Basic.Properties(message_id=str(event_id)))
    assert publisher.handle(METHOD, returned.index.to_bytes(4, "big") + returned.marshal())
    assert publisher.handle(HEADER, header.marshal())
    assert publisher.handle(BODY, b"{}")


async def outcomes(events: Sequence[OutboxRow], *answers: Reply, returned: Sequence[int] = ()) -> list[Outcome]:
    """Of one batch whose publisher hears that; afterwards the channel is closed."""
    publisher = publisher_to(FrameTap())
    task = asyncio.create_task(publisher.publish(events))
    await asyncio.sleep(0)
    for position in returned:
        give_back(publisher, events[position].event_id)
    for answer in answers:
        reply(publisher, answer)
    publisher.end()
    return await task


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([], [U, U, U, U]),
        ([Basic.Ack(4, multiple=True)], [C, C, C, C]),
        ([Basic.Ack(3)], [U, U, C, U]),
        ([Basic.Ack(3), Basic.Ack(2, multiple=True)], [C, C, C, U]),
        ([Basic.Nack(2, multiple=True), Basic.Ack(4, multiple=True)], [R, R, C, C]),
        ([Basic.Nack(2), Basic.Ack(4, multiple=True)], [C, R, C, C]),
        ([Basic.Ack(4), Basic.Ack(3), Basic.Ack(2), Basic.Ack(1)], [C, C, C, C]),
        ([Basic.Ack(2), Basic.Nack(2), Basic.Ack(9)], [U, C, U, U]),  # what nobody asked about changes nothing
    ],
)
async def test_each_event_has_the_outcome_that_the_broker_gave_it(
    answers: list[Reply], expected: list[Outcome]
) -> None:
    assert await outcomes(rows(4), *answers) == expected


async def test_a_returned_event_is_refused_though_it_is_confirmed_with_its_neighbours() -> None:
    assert await outcomes(rows(4), Basic.Ack(4, multiple=True), returned=[1, 2]) == [C, R, R, C]


async def test_batches_under_way_at_once_are_told_apart() -> None:
    publisher = publisher_to(FrameTap())
    tasks = [asyncio.create_task(publisher.publish(rows(number))) for number in (2, 3)]
    await asyncio.sleep(0)
    reply(publisher, Basic.Nack(4))
    reply(publisher, Basic.Ack(5, multiple=True))
    assert await asyncio.gather(*tasks) == [[C, C], [C, R, C]]


async def test_what_is_not_confirmed_in_time_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.messaging.publisher, "OPERATION_TIMEOUT", 0.01)
    publisher = publisher_to(FrameTap())
    task = asyncio.create_task(publisher.publish(rows(2)))
    await asyncio.sleep(0)
    reply(publisher, Basic.Ack(1))
    assert await task == [C, U]


async def test_nothing_is_published_on_a_closed_channel() -> None:
    tap = FrameTap()
    publisher = publisher_to(tap)
    publisher.end()
    with pytest.raises(BrokerUnavailable):
        await publisher.publish(rows(1))
    assert tap.sent == b""


@pytest.mark.parametrize("size", [2, FRAME_MAX - 9, FRAME_MAX - 8, FRAME_MAX, 3 * FRAME_MAX])
async def test_frames_are_those_of_the_specification(size: int) -> None:
    tap, [event, *_] = FrameTap(), rows(1, "é" * (size // 2) + "-" * (size % 2))
    publisher = publisher_to(tap)
    publish = asyncio.create_task(publisher.publish([event]))
    await asyncio.sleep(0)
    publisher.end()
    await publish
    method, header, *bodies = tap.frames()
    assert (method.exchange, method.routing_key, method.mandatory) == ("events", "course.saved", True)
    assert header.body_size == size
    assert header.properties.message_id == str(event.event_id)
    assert header.properties.content_type == "application/cloudevents+json"
    assert header.properties.delivery_mode == 2
    assert b"".join(body.value for body in bodies) == event.body.encode()
    assert max(len(body.value) for body in bodies) <= FRAME_MAX - 8
    assert len(bodies) == -(-size // (FRAME_MAX - 8))


def test_what_is_no_confirmation_is_left_to_aiormq() -> None:
    closed = Basic.QosOk()
    assert not publisher_to(FrameTap()).handle(METHOD, closed.index.to_bytes(4, "big") + closed.marshal())
