from typing import Any

import pytest
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from shared.messaging.amqp_frames import BODY, HEADER, METHOD
from shared.messaging.deliveries import Delivery, DeliveryAssembler

CONSUMER = "ctag3.0123456789abcdef"


class Channel:
    """Remembers what is acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: list[tuple[int, bool]] = []

    async def basic_ack(self, tag: int, multiple: bool = False) -> None:
        self.acknowledged.append((tag, multiple))


def payload(method: Basic.Deliver | Basic.Return | Basic.Ack) -> bytes:
    return method.index.to_bytes(4, "big") + method.marshal()


def offer(assembler: DeliveryAssembler, method: Basic.Deliver | Basic.Return, *bodies: bytes) -> list[bool]:
    """Which of the frames were taken."""
    header = ContentHeader(
        body_size=sum(map(len, bodies)), properties=Basic.Properties(message_id="7", headers={"a": 1})
    )
    frames = [(METHOD, payload(method)), (HEADER, header.marshal()), *((BODY, body) for body in bodies)]
    return [assembler.handle(kind, of_frame) for kind, of_frame in frames]


def deliver(*bodies: bytes, tag: int = 1) -> tuple[list[Delivery], Channel]:
    arrived, channel = list[Delivery](), Channel()
    anything: Any = channel
    method = Basic.Deliver(CONSUMER, tag, False, "events", "course.saved")
    assert all(offer(DeliveryAssembler(anything, arrived.append), method, *bodies))
    return arrived, channel


@pytest.mark.parametrize("bodies", [[], [b"{}"], [b"{", b'"a": 1', b"}"]])
def test_bodies_are_put_together(bodies: list[bytes]) -> None:
    [delivery], _ = deliver(*bodies)
    assert delivery.body == b"".join(bodies)


@pytest.mark.parametrize("tag", [1, 255, 2**40])
async def test_a_delivery_is_acknowledged_with_those_before_it(tag: int) -> None:
    [delivery], channel = deliver(b"{}", tag=tag)
    await delivery.acknowledge_all()
    assert channel.acknowledged == [(tag, True)]


async def test_its_message_has_what_the_publisher_said() -> None:
    [delivery], _ = deliver(b"{}")
    message = delivery.message()
    assert (message.message_id, message.headers, message.routing_key) == ("7", {"a": 1}, "course.saved")
    assert (message.body, message.delivery_tag) == (b"{}", 1)


def test_what_is_no_delivery_is_left_to_aiormq() -> None:
    arrived = list[Delivery]()
    anything: Any = Channel()
    assembler = DeliveryAssembler(anything, arrived.append)
    assert not assembler.handle(METHOD, payload(Basic.Ack(1)))
    assert not any(offer(assembler, Basic.Return(312, "NO_ROUTE", "", "nowhere"), b"{}"))
    assert arrived == []


def test_deliveries_follow_one_another() -> None:
    arrived = list[Delivery]()
    anything: Any = Channel()
    assembler = DeliveryAssembler(anything, arrived.append)
    for tag in (1, 2, 3):
        offer(assembler, Basic.Deliver(CONSUMER, tag, False, "events", "course.saved"), b"%d" % tag)
    assert [(delivery.tag, delivery.body) for delivery in arrived] == [(1, b"1"), (2, b"2"), (3, b"3")]
