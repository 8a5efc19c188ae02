"""The feed of a delivery without its processes: a database of its own, and events put into it and read from it."""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.delivery.app import MIGRATIONS
from services.delivery.event_types import Wanted
from services.delivery.keeping import prepare_feed
from services.delivery.reading import BEGINNING, Step, step
from services.delivery.store import feed
from services.delivery.store.feed import Entry, Page
from shared.http.feed_cursor import FeedPlace
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connected, connection_pool, transaction
from tests.support.databases import service_database
from tests.support.eventually import eventually

EVERYTHING = Wanted()
_IS_SHOWN = "SELECT feed_position(pg_snapshot_xmin(pg_current_snapshot())) > $1"
TYPE = "training.course.saved.v1"


EVERYTHING = Wanted()
_IS_SHOWN = "SELECT feed_position(pg_snapshot_xmin(pg_current_snapshot())) > $1"


@dataclass(frozen=True)
class FeedDatabase:
    """`pool` is the service's; `superuser_url` is for tests that look past it."""

    superuser_url: str
    owner_url: str
    service_url: str
    pool: Pool

    async def take(self, entries: Iterable[Entry], *, shown: bool = True) -> None:
        """In a transaction, as the consumer does. `shown`: until readers see them: transactions of other tests
        on the same server hold the horizon, too."""
        listed = list(entries)
        async with transaction(self.pool, {each.organisation_id for each in listed}) as connection:
            await feed.take(connection, listed)
            position = await connection.fetchval("SELECT feed_position(pg_current_xact_id())")
        if shown:
            await eventually(partial(self.value, _IS_SHOWN, position))

    async def step(
        self, organisation: int, after: FeedPlace = BEGINNING, *, limit: int = 1000, wanted: Wanted = EVERYTHING
    ) -> Step:
        """Raises `CursorExpired`."""
        async with connected(self.pool) as connection:
            read = feed.page(organisation, after, wanted, limit)
            return step(Page._make(await read.alone_scoped(connection)), after)

    async def every_event(self, organisation: int, *, limit: int = 1000) -> list[str]:
        """The ids of the bodies, in the order of the feed."""
        ids, place = list[str](), BEGINNING
        while True:
            found = await self.step(organisation, place, limit=limit)
            ids, place = [*ids, *ids_of(found)], found.next
            if not found.has_more:
                return ids

    async def value(self, sql: str, *arguments: Any) -> Any:
        """As the superuser, whom row-level security does not hold."""
        connection = await asyncpg.connect(self.superuser_url, timeout=10)
        try:
            return await connection.fetchval(sql, *arguments)
        finally:
            await connection.close()


def ids_of(found: Step) -> list[str]:
    return [each["id"] for each in json.loads(f"[{found.events}]")]


def entry(organisation: int, event_id: UUID | None = None, *, type_: str = TYPE, padding: int = 0) -> Entry:
    event_id = event_id or uuid4()
    body = json.dumps({"id": str(event_id), "type": type_, "padding": "x" * padding})
    return Entry(organisation, event_id, type_, body)


def entries(organisation: int, count: int, **given: Any) -> Sequence[Entry]:
    return [entry(organisation, **given) for _ in range(count)]


@asynccontextmanager
async def feed_database() -> AsyncIterator[FeedDatabase]:
    """Migrated as an installation's is, with a service's privileges."""
    async with service_database("delivery") as database:
        await migrate(database.owner_url, MIGRATIONS)
        await prepare_feed(database.owner_url)
        async with connection_pool(database.service_url, name="test", size=6) as pool:
            yield FeedDatabase(database.superuser_url, database.owner_url, database.service_url, pool)
