"""The data set: a big organisation's rows in the databases of the three services, as if it had used them for years.

All of it belongs to one organisation, which is the hardest for its lists: no filter makes them small. Its rows have
no events waiting and no audit trail, which no list reads. `python -m services.X verify` finds nothing to say.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from bench.rows import CERTIFICATIONS, COPIES, COURSES, ENROLLMENTS, NEXT_IDS, PEOPLE, PICK, SEATS_TAKEN, SESSIONS
from services.catalog.store.count_check import recount

if TYPE_CHECKING:
    Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

ORGANISATION = 1
ENROLLMENTS_OF_SESSION = 50
SESSIONS_OF_COURSE = 10
SESSIONS_OF_BLOCK = 200
"""So many are open for enrolling at the same time."""
CHUNK = 1_000_000
"""Enrollments of one statement."""
QUEUED_CHUNKS = 8
CONNECT_SECONDS = 10
WRITING_SECONDS = 300

Say = Callable[[str], None]

_FOREIGN_KEYS = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop,
    format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS make
FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace
"""
_INDEXES = """
SELECT format('DROP INDEX %s', indexrelid::regclass) AS drop, pg_get_indexdef(indexrelid) AS make
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
"""
# What those are sent who watch a session is counted at the end of a transaction, and nobody watches: without an index
# each session would take a look at all enrollments.
_DEFERRED = """
SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', tgrelid::regclass, tgname) AS drop,
    format('ALTER TABLE %s ENABLE TRIGGER %I', tgrelid::regclass, tgname) AS make
FROM pg_trigger WHERE tgdeferrable AND NOT tgisinternal
"""


@dataclass(frozen=True)
class Size:
    """How many rows there are of what; `veterans` are the people with a history of exactly 50 records."""

    courses: int
    sessions: int
    people: int
    veterans: int
    enrollments: int

    @classmethod
    def of(cls, scale: float) -> "Size":
        """At 1: 2,000 courses, 20,000 sessions, 100,000 people, 1,000,000 enrollments; whole blocks of sessions."""
        sessions = max(1, round(scale * 100)) * SESSIONS_OF_BLOCK
        veterans = 2 * sessions // ENROLLMENTS_OF_SESSION
        return cls(
            courses=sessions // SESSIONS_OF_COURSE,
            sessions=sessions,
            people=5 * sessions,
            veterans=veterans,
            enrollments=ENROLLMENTS_OF_SESSION * sessions,
        )


def today() -> datetime:
    """The day that the data set lies around; everything else about it is the same in every run."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def load(urls: Mapping[str, str], size: Size, anchor: datetime, say: Say) -> None:
    """Fills the empty, migrated databases at `urls`, which are their owners' by service."""
    began = time.monotonic()
    async with _connected(urls) as connections:
        told = _Told(say)
        async with _without_indexes(connections, told):
            await _load_catalog(connections, size, anchor, told)
            await _load_enrollment(connections, size, anchor, told)
        await _complete(connections, told)
    say(f"data set of {size.enrollments:,} enrollments loaded in {time.monotonic() - began:.0f} s")


class _Told:
    """Says what was done and how long it took."""

    def __init__(self, say: Say) -> None:
        self._say = say

    @asynccontextmanager
    async def step(self, what: str) -> AsyncIterator[None]:
        began = time.monotonic()
        yield
        self._say(f"  {what} ({time.monotonic() - began:.1f} s)")


Connections: TypeAlias = "Mapping[str, Connection]"


@asynccontextmanager
async def _connected(urls: Mapping[str, str]) -> AsyncIterator[Connections]:
    connections = {service: await asyncpg.connect(url, timeout=CONNECT_SECONDS) for service, url in urls.items()}
    try:
        for connection in connections.values():
            await connection.execute(PICK)
            await connection.execute("SET search_path = public, pg_temp")
        yield connections
    finally:
        for connection in connections.values():
            await connection.close(timeout=CONNECT_SECONDS)


@asynccontextmanager
async def _without_indexes(connections: Connections, told: _Told) -> AsyncIterator[None]:
    """Foreign keys, indexes and what is done at the end of a transaction are there again afterwards: made at once they
    cost a fraction, and check as much."""
    taken: dict[str, list[str]] = {}
    for service, connection in connections.items():
        found = [row for each in (_DEFERRED, _FOREIGN_KEYS, _INDEXES) for row in await connection.fetch(each)]
        for row in found:
            await connection.execute(row["drop"])
        taken[service] = [row["make"] for row in reversed(found)]
    yield
    async with told.step("indexes and foreign keys"):
        await asyncio.gather(*(_execute_all(connections[service], made) for service, made in taken.items()))


async def _execute_all(connection: "Connection", statements: list[str]) -> None:
    for statement in statements:
        await connection.execute(statement)


async def _load_catalog(connections: Connections, size: Size, anchor: datetime, told: _Told) -> None:
    catalog = connections["catalog"]
    async with told.step(f"{size.courses:,} courses and {size.sessions:,} sessions"):
        await catalog.execute(_named(COURSES), ORGANISATION, anchor, size.courses, SESSIONS_OF_COURSE)
        await catalog.execute(_named(SESSIONS), ORGANISATION, anchor, size.sessions, SESSIONS_OF_COURSE)
        await _copy(connections, "catalog", "courses")
        await _copy(connections, "catalog", "sessions")


async def _load_enrollment(connections: Connections, size: Size, anchor: datetime, told: _Told) -> None:
    enrollment = connections["enrollment"]
    async with told.step(f"{size.people:,} people"):
        await enrollment.execute(_named(PEOPLE), ORGANISATION, anchor, size.people, size.veterans)
        await _copy(connections, "enrollment", "people")
    # The joins below are planned by what the tables hold.
    await _execute_all(enrollment, ["ANALYZE courses", "ANALYZE sessions", "ANALYZE people"])
    for first in range(1, size.enrollments + 1, CHUNK):
        last = min(first + CHUNK - 1, size.enrollments)
        async with told.step(f"enrollments {first:,} to {last:,}"):
            await enrollment.execute(
                _named(ENROLLMENTS), ORGANISATION, anchor, size.sessions, ENROLLMENTS_OF_SESSION, size.people,
                size.veterans, SESSIONS_OF_BLOCK, first, last,
            )  # fmt: skip
    async with told.step("their copies"):
        await _copy(connections, "enrollment", "enrollments")
    async with told.step("seats taken, completions that count"):
        await enrollment.execute(SEATS_TAKEN)
        await enrollment.execute(CERTIFICATIONS, anchor)


def _named(statement: str) -> str:
    return statement.replace("pick(", "pg_temp.pick(")


async def _copy(connections: Connections, owner: str, table: str) -> None:
    """From the owner to one after the other of those who copy."""
    for service, target, columns in COPIES[owner, table]:
        query = f"SELECT {', '.join(columns.values())} FROM {table} ORDER BY organisation_id, id"  # noqa: S608 - constants
        await _stream(connections[owner], query, connections[service], target, list(columns))


async def _stream(source: "Connection", query: str, target: "Connection", table: str, columns: list[str]) -> None:
    chunks: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUED_CHUNKS)

    async def read() -> None:
        await source.copy_from_query(query, output=chunks.put, format="binary")
        await chunks.put(None)

    async def arriving() -> AsyncIterator[bytes]:
        while (chunk := await chunks.get()) is not None:
            yield chunk

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        tasks.create_task(_write(target, table, columns, arriving()))


async def _write(target: "Connection", table: str, columns: list[str], source: Any) -> None:
    await target.copy_to_table(table, columns=columns, source=source, format="binary")


async def _complete(connections: Connections, told: _Told) -> None:
    """What the services derive from their rows, by their own ways; then what PostgreSQL does in quiet hours."""
    async with told.step("counts"):
        await recount(connections["catalog"])
    for service, statement in NEXT_IDS.items():
        await connections[service].execute(statement)
    async with told.step("vacuum and analyze"):
        await asyncio.gather(*(each.execute("VACUUM (ANALYZE, FREEZE)") for each in connections.values()))


async def add_courses(url: str, organisation_id: int, count: int) -> None:
    """Courses without sessions of one more organisation, in the catalog's database at `url`, its owner's."""
    await _add(url, COURSES, "courses", organisation_id, count)


async def add_people(url: str, organisation_id: int, count: int) -> None:
    """People without enrollments of one more organisation, in enrollment's database at `url`, its owner's."""
    await _add(url, PEOPLE, "people", organisation_id, count)


async def _add(url: str, rows: str, table: str, organisation_id: int, count: int) -> None:
    connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    try:
        await connection.execute(PICK)
        await connection.execute("SET search_path = public, pg_temp")
        await connection.execute(_named(rows), organisation_id, today(), count, 0, timeout=WRITING_SECONDS)
        await connection.execute(f"VACUUM (ANALYZE) {table}", timeout=WRITING_SECONDS)
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


async def write_down(database_url: str) -> None:
    """What loading has left in memory is written now, and not while something is measured; as the superuser."""
    connection = await asyncpg.connect(database_url, timeout=CONNECT_SECONDS)
    try:
        await connection.execute("CHECKPOINT", timeout=WRITING_SECONDS)
    finally:
        await connection.close()
    await asyncio.to_thread(os.sync)
