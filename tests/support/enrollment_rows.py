"""Rows of enrollment's own database, for tests of its use cases alone: no catalog, no broker, no HTTP."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from services.enrollment.app import MIGRATIONS
from services.enrollment.rules import EnrollCommand
from services.enrollment.schemas import Completion, EmployeeFields
from services.enrollment.store import catalog_replica
from services.enrollment.use_cases import lifecycle, people
from services.enrollment.use_cases.enroll import enroll_together
from shared.http.responses import Answer
from shared.postgres.audit import Actor
from shared.postgres.pool import Pool, connected, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support import events
from tests.support.databases import migrated_database

ORGANISATION = 7
ACTOR = Actor("tester", "Tester")
Outcome = Answer | BaseException
"""Of one command among several."""


@asynccontextmanager
async def enrollment_database() -> AsyncIterator[str]:
    """The URL of an enrollment database of a test's own, empty."""
    async with migrated_database("enrollment", MIGRATIONS) as url:
        yield url


@asynccontextmanager
async def warm_pool(url: str, size: int) -> AsyncIterator[Pool]:
    """All connections open already: opening many at once takes longer than a use case waits for one."""
    async with connection_pool(url, name="test", size=size) as pool:
        connections = await asyncio.gather(*(pool.acquire(timeout=20) for _ in range(size)))
        for connection in connections:
            await pool.release(connection)
        yield pool


async def new_session(pool: Pool, places: int) -> int:
    """The id of a session with so many places, as the catalog's events would bring it."""
    session_id, course_id = (secrets.randbelow(2**40) + 1 for _ in range(2))
    session = events.session(ORGANISATION, session_id, course_id=course_id, max_participants=places)
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await catalog_replica.save_courses(connection, [events.course(ORGANISATION, course_id)])
        await catalog_replica.save_sessions(connection, [session])
    return session_id


async def new_people(pool: Pool, count: int) -> list[int]:
    ids = [secrets.randbelow(2**40) + 1 for _ in range(count)]
    for person_id in ids:
        fields = EmployeeFields(employee_id=f"E-{person_id}", full_name="John Doe")
        await people.save_person(pool, ORGANISATION, "employee", person_id, fields, ACTOR)
    return ids


async def enroll(pool: Pool, session_id: int, *employee_ids: int, waitlist: bool = False) -> Answer | Exception:
    """The outcome of one command in a transaction of its own."""
    [outcome] = await enroll_together(pool, [command(session_id, *employee_ids, waitlist=waitlist)])
    return outcome


def command(session_id: int, *employee_ids: int, waitlist: bool = False) -> EnrollCommand:
    return EnrollCommand(ORGANISATION, session_id, employee_ids, ACTOR, waitlist)


async def seats(pool: Pool, session_id: int) -> tuple[int, int]:
    """Seats taken as the session's row says, and enrollments that hold one."""
    async with connected(pool) as connection:
        taken = await connection.fetchval("SELECT seats_taken FROM sessions WHERE id = $1", session_id)
        enrolled = await connection.fetchval(
            "SELECT count(*) FROM enrollments WHERE session_id = $1 AND holds_seat", session_id
        )
    return taken, enrolled


async def execute(pool: Pool, statement: str, *arguments: Any) -> None:
    async with connected(pool) as connection:
        await connection.execute(statement, *arguments)


def granted(outcomes: Sequence[Any]) -> list[dict[str, Any]]:
    """The data of the answers to those who were enrolled."""
    return [json.loads(outcome.text)["data"] for outcome in outcomes if isinstance(outcome, Answer)]


async def enrolled(pool: Pool, session_id: int, *employee_ids: int) -> list[int]:
    """The enrollments of people who all get a seat."""
    [data] = granted([await enroll(pool, session_id, *employee_ids)])
    return [enrollment["id"] for enrollment in data["enrollments"]]


async def complete(pool: Pool, enrollment_id: int, score: int | None = 90) -> None:
    completion = Completion(score=None if score is None else Decimal(score))
    await lifecycle.complete(pool, ORGANISATION, enrollment_id, completion, ACTOR)


async def reopen(pool: Pool, enrollment_id: int) -> None:
    await lifecycle.reopen(pool, ORGANISATION, enrollment_id, "It was somebody else", ACTOR)


async def in_scope(pool: Pool, statement: str, *arguments: Any) -> list[Any]:
    """The rows of a statement that sees every organisation's."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        return list(await connection.fetch(statement, *arguments))


async def published(pool: Pool, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Of each event whose routing key begins so what follows in it, and the state, in their order."""
    rows = await in_scope(
        pool, "SELECT routing_key, body FROM outbox WHERE routing_key LIKE $1 || '.%' ORDER BY id", kind
    )
    return [(row["routing_key"].removeprefix(f"{kind}."), json.loads(row["body"])["data"]) for row in rows]
