"""Another service that subscribes to every event, and the projections' versions watched from outside."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aio_pika
import asyncpg
from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_rabbitmq_event

from tests.faults.bed import Bed
from tests.support.eventually import eventually

QUEUE = "bed.subscriber"
WATCH_INTERVAL = 0.3
READ_SECONDS = 2.0
"""For the next message of those that are there."""

_VERSIONS = {
    "history": "SELECT 'record' AS kind, organisation_id, id, version FROM records",
    "enrollment": "SELECT 'enrollment' AS kind, organisation_id, id, version FROM enrollments",
    "catalog": "SELECT 'session' AS kind, organisation_id, id, version FROM sessions",
}

Row = tuple[str, int, int]
"""Kind, organisation and id."""


@dataclass
class Observer:
    """What a subscriber has got, and every version that went back."""

    bed: Bed
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Every event by its id."""
    deliveries: Counter[str] = field(default_factory=Counter)
    steps_back: list[str] = field(default_factory=list)
    _seen: dict[tuple[str, Row], int] = field(default_factory=dict)

    async def read(self) -> None:
        """Takes all that has arrived until now."""
        connection = await aio_pika.connect(self.bed.servers.rabbitmq.url, timeout=5)
        async with connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=500)
            queue = await channel.declare_queue(QUEUE, passive=True)
            left = queue.declaration_result.message_count or 0
            with contextlib.suppress(TimeoutError):
                async with queue.iterator(timeout=READ_SECONDS) as messages:
                    while left:
                        message = await anext(messages)
                        from_rabbitmq_event(RabbitMQMessage({}, message.content_type, message.body))  # as others do
                        self._take(json.loads(message.body))
                        await message.ack()
                        left -= 1

    def _take(self, event: dict[str, Any]) -> None:
        self.deliveries[event["id"]] += 1
        self.events.setdefault(event["id"], event)

    def newest(self, kind: str) -> dict[tuple[int, int], dict[str, Any]]:
        """The fold of the unique events: of each row the state with the highest version."""
        newest: dict[tuple[int, int], dict[str, Any]] = {}
        for event in self.events.values():
            if event["type"].split(".")[1] == kind:
                row, state = (int(event["organisationid"]), event["data"]["id"]), event["data"]
                if row not in newest or newest[row]["version"] < state["version"]:
                    newest[row] = state
        return newest

    async def watch(self) -> None:
        """Looks at the versions again and again; while a database is unavailable there is nothing to see."""
        while True:
            for service, statement in _VERSIONS.items():
                with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    self._compare(service, await _fetch(self.bed.database_urls[service], statement))
            await asyncio.sleep(WATCH_INTERVAL)

    def _compare(self, service: str, rows: list[asyncpg.Record]) -> None:
        present = {(row["kind"], row["organisation_id"], row["id"]): row["version"] for row in rows}
        for key, version in self._seen.items():
            of_service, row = key
            if of_service == service and present.get(row, 0) < version:
                self.steps_back.append(f"I5: {service} {row} went from version {version} to {present.get(row)}")
        self._seen |= {(service, row): version for row, version in present.items()}


async def _fetch(url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url, timeout=1, command_timeout=2)
    try:
        return list(await connection.fetch(statement))
    finally:
        connection.terminate()


@asynccontextmanager
async def observing(bed: Bed) -> AsyncIterator[Observer]:
    """From here on every event is kept for the observer, in a queue that outlives the broker's falls."""
    async with await aio_pika.connect(bed.servers.rabbitmq.url, timeout=5) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        await queue.bind("training.events", "#")
        await queue.purge()
    await eventually(lambda: bed.servers.queue_outlives_a_kill(QUEUE))
    observer = Observer(bed)
    watch = asyncio.create_task(observer.watch())
    try:
        yield observer
    finally:
        watch.cancel()
        await asyncio.wait({watch})
