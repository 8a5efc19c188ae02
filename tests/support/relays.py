"""Relays in the test's own process, what they are given and what arrives."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from shared.concurrency.tasks import background
from shared.events.types import Event
from shared.messaging import outbox
from shared.messaging.relay import Relay
from shared.postgres.pool import transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.broker import Broker, Inbox
from tests.support.eventually import eventually
from tests.support.projections import Database

WAITING = "SELECT count(*) FROM outbox WHERE published_at IS NULL"


def relay_for(database: Database, broker: Broker, *, amqp_url: str | None = None, name: str = "test") -> Relay:
    return Relay(database.pool, database.url, amqp_url or broker.url, name=name, exchange=broker.exchange.name)


@contextlib.asynccontextmanager
async def running(*relays: Relay) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as exits:
        for relay in relays:
            await exits.enter_async_context(background(relay.run(), name="relay"))
        yield


async def commit(database: Database, *events: Event[Any]) -> None:
    async with transaction(database.pool, EVERY_ORGANISATION) as connection:
        await outbox.add(connection, "enrollment", events)


async def everything_is_marked(database: Database) -> bool:
    return bool(await database.value(WAITING) == 0)


def ids(inbox: Inbox) -> set[int]:
    """The enrollments whose events arrived."""
    return {json.loads(message.body)["data"]["id"] for message in inbox}


async def arrived(inbox: Inbox, *enrollment_ids: int) -> None:
    async def all_of_them() -> bool:
        return set(enrollment_ids) <= ids(inbox)

    await eventually(all_of_them)
