"""Consumers in the test's own process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from shared.concurrency.tasks import background
from shared.events.types import (
    EnrollmentCancelled,
    EnrollmentCompleted,
    EnrollmentCreated,
    EnrollmentFailed,
    EnrollmentMarkedAbsent,
    Event,
)
from shared.messaging.consumer import Consumer
from shared.messaging.subscriptions import Subscribed, Subscriptions
from shared.postgres.pool import Connection, Pool
from tests.support.broker import Broker
from tests.support.eventually import DEADLINE, eventually


def consumer_for(pool: Pool, broker: Broker, subscriptions: Subscriptions, *, amqp_url: str | None = None) -> Consumer:
    return Consumer(pool, amqp_url or broker.url, broker.queue, Subscribed(subscriptions))


@asynccontextmanager
async def following(*consumers: Consumer) -> AsyncIterator[list["asyncio.Task[None]"]]:
    """Runs the consumers, each connected once the block begins."""
    async with contextlib.AsyncExitStack() as exits:
        tasks = [await exits.enter_async_context(background(consumer.run(), name="consumer")) for consumer in consumers]
        for consumer in consumers:
            await eventually(consumer.is_connected)
        yield tasks


class Recorder:
    """A handler that remembers the batches it was given, and applies nothing."""

    def __init__(self) -> None:
        self.batches: list[list[Event[Any]]] = []

    async def __call__(self, connection: Connection, events: Sequence[Event[Any]]) -> None:
        self.batches.append(list(events))

    @property
    def ids(self) -> set[int]:
        return {event.data.id for batch in self.batches for event in batch}

    @property
    def subscriptions(self) -> Subscriptions:
        return subscriptions_to(self)

    async def has(self, *ids: int, deadline: float = DEADLINE) -> None:
        async def all_of_them() -> bool:
            return set(ids) <= self.ids

        await eventually(all_of_them, deadline=deadline)


def subscriptions_to(handler: Any) -> Subscriptions:
    """Every event of enrollments, for one handler."""
    return dict.fromkeys(
        (EnrollmentCreated, EnrollmentCompleted, EnrollmentFailed, EnrollmentMarkedAbsent, EnrollmentCancelled), handler
    )
