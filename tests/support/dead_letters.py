"""Dead letters as tests need them, and what becomes of them."""

from typing import Any

import aio_pika

from shared.messaging.dead_letter import DeadLetter
from shared.messaging.dead_letter_queue import dead_letter_queue
from tests.support.broker import TIMEOUT, Broker
from tests.support.events import encoded, enrollment

CREATED = "enrollment.created"
FAILED_AT = "2026-11-21T09:00:00+00:00"


def everything(_: DeadLetter) -> bool:
    return True


async def set_aside(broker: Broker, organisation: int, *enrollment_ids: int) -> list[str]:
    """Dead letters of enrollments, as the consumer makes them; their ids, oldest first."""
    ids = []
    for enrollment_id in enrollment_ids:
        event_id, body = encoded(enrollment(organisation, enrollment_id), "enrollment")
        await put(broker, broker.queue.dead_letters, body.encode(), str(event_id), **{"x-reason": "Defect: fixed"})
        ids.append(str(event_id))
    return ids


async def put(broker: Broker, queue: str, body: bytes, message_id: str | None, **headers: Any) -> None:
    message = aio_pika.Message(
        body,
        message_id=message_id,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        headers={"x-failed-at": FAILED_AT, "x-routing-key": CREATED, **headers},
    )
    await broker.channel.default_exchange.publish(message, queue, mandatory=True, timeout=TIMEOUT)


async def count_in(broker: Broker, queue: str) -> int:
    declared = await broker.channel.declare_queue(queue, passive=True, timeout=TIMEOUT)
    return declared.declaration_result.message_count or 0


async def has_letters(broker: Broker, count: int) -> bool:
    return await count_in(broker, broker.queue.dead_letters) == count


async def ids_in_dead_letters(broker: Broker) -> list[str | None]:
    """What the queue holds, in its order; it is taken out."""
    return [message.message_id for message in await broker.dead_letters()]


async def ids_left(broker: Broker) -> list[str]:
    """What is in the dead letters; it stays there."""
    async with dead_letter_queue(broker.url, broker.queue) as letters:
        return [letter.id for letter in letters.letters]


async def ids_taken(broker: Broker) -> list[str]:
    """What the service's own queue holds; it is taken out."""
    return [str(message.message_id) for message in await broker.taken()]
