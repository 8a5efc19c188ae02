"""Work on imports, with a database like a worker's of enrollment, and what there is in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from services.enrollment.api_imports import KINDS
from shared.concurrency.tasks import background
from shared.imports.runner import Runner
from shared.postgres.pool import Pool, connection_pool
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.stack import Stack


@dataclass(frozen=True)
class Workers:
    """`rows` looks past the service."""

    stack: Stack
    organisation: int
    pool: Pool
    rows: "asyncpg.Connection[asyncpg.Record]"

    @classmethod
    @asynccontextmanager
    async def of(cls, stack: Stack, organisation: int) -> AsyncIterator["Workers"]:
        url = stack.settings["enrollment"].database_url.get_secret_value()
        async with connection_pool(url, name="test imports", size=4) as pool:
            rows = await asyncpg.connect(stack.enrollment_database_url, timeout=10)
            try:
                yield cls(stack, organisation, pool, rows)
            finally:
                await rows.execute("DELETE FROM imports")  # so that no later test works on them
                await rows.close()

    @property
    def client(self) -> Client:
        return self.stack.client(self.organisation)

    def runner(self, most_removed: float = 0.2) -> Runner:
        return Runner(self.pool, KINDS, most_removed, asyncio.Event())

    @asynccontextmanager
    async def running(self, count: int = 1) -> AsyncIterator[None]:
        """So many jobs are worked on at once meanwhile."""
        runner = self.runner()
        async with asyncio.timeout(50), _all_of([background(runner.run(), name="imports") for _ in range(count)]):
            yield

    async def value(self, sql: str, *arguments: Any) -> Any:
        return await self.rows.fetchval(sql, *arguments)

    async def end_leases(self) -> None:
        """As time does when a worker was killed."""
        await self.rows.execute(
            "UPDATE imports SET leased_until = statement_timestamp() - interval '1 second' WHERE organisation_id = $1"
            " AND leased_until IS NOT NULL",
            self.organisation,
        )

    async def has_lines(self, import_id: int) -> None:
        """Waits until some lines of the import are done."""
        lines = "SELECT lines FROM imports WHERE organisation_id = $1 AND id = $2"
        await eventually(lambda: self.value(lines, self.organisation, import_id))

    async def is_waiting(self) -> None:
        """Waits until a connection of the pool waits for what another one holds."""
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'test imports' AND wait_event_type = 'Lock'"
            " AND datname = current_database()"
        )
        await eventually(lambda: self.value(waiting))

    async def left(self) -> int:
        """Rows that imports need while they run."""
        tables = ("import_parts", "import_rows")
        counts = [
            await self.value(f"SELECT count(*) FROM {table} WHERE organisation_id = $1", self.organisation)
            for table in tables
        ]
        return sum(counts)

    async def written(self, organisation: int) -> dict[str, Any]:
        """What lines have made of an organisation: its people, the audit trail, and the events."""
        people = "SELECT array_agg((id, version, full_name, removed) ORDER BY id)::text FROM people"
        trail = "SELECT array_agg((id, version, action) ORDER BY id, version)::text FROM audit_trail"
        events = "SELECT array_agg((routing_key, body::jsonb #>> '{data,id}', body::jsonb #>> '{data,version}')"
        events += " ORDER BY routing_key, body::jsonb #>> '{data,id}', body::jsonb #>> '{data,version}')::text"
        events += " FROM outbox"
        where = " WHERE organisation_id = $1"
        texts = [await self.value(sql + where, organisation) for sql in (people, trail, events)]
        return dict(zip(("people", "trail", "events"), texts, strict=True))


@asynccontextmanager
async def _all_of(contexts: list[Any]) -> AsyncIterator[None]:
    async with AsyncExitStack() as exits:
        for context in contexts:
            await exits.enter_async_context(context)
        yield
