"""What is kept of how people stand to what is asked of them, in enrollment's own database."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.enrollment.store.standing_check import wrong_standings
from services.enrollment.use_cases.standings import look_around
from shared.postgres.pool import Pool, connected, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.enrollment_rows import (
    ORGANISATION,
    complete,
    enrolled,
    execute,
    in_scope,
    new_session,
    published,
)

LOOKS_AT_MOST = 50


async def asks(pool: Pool, **columns: Any) -> int:
    """The id of a new requirement."""
    given = {"organisation_id": ORGANISATION, "name": "White card", "course_ids": [], "label_ids": []} | columns
    places = ", ".join(f"${place}" for place in range(1, len(given) + 1))
    statement = f"INSERT INTO requirements ({', '.join(given)}) VALUES ({places}) RETURNING id"
    async with transaction(pool, [ORGANISATION]) as connection:
        found: int = await connection.fetchval(statement, *given.values())
    return found


async def look(pool: Pool) -> None:
    for _ in range(LOOKS_AT_MOST):
        if not await look_around(pool):
            return
    raise AssertionError("there is always somebody to look at")


async def told(pool: Pool) -> list[tuple[str, int, int, int, list[int]]]:
    """Of each event what it is, whose, which version, of which requirement, and what its person lacks."""
    return [
        (kind, int(state["id"]), int(state["version"]), state["requirement"]["id"], state["lacking"])
        for kind, state in await published(pool, "clearance")
    ]


async def lacking(pool: Pool) -> dict[int, list[int]]:
    rows = await in_scope(pool, "SELECT employee_id, lacking FROM clearances")
    return {row["employee_id"]: row["lacking"] for row in rows}


async def differences(pool: Pool) -> list[str]:
    async with connected(pool) as connection:
        await connection.execute("SET muster.organisations = '{NULL}'")
        found = [sentence async for sentence in wrong_standings(connection)]
        await connection.execute("RESET muster.organisations")
    return found


async def course_of(pool: Pool, session_id: int) -> int:
    [row] = await in_scope(pool, "SELECT course_id FROM sessions WHERE id = $1", session_id)
    found: int = row["course_id"]
    return found


async def completed(pool: Pool, person_id: int) -> tuple[int, int]:
    """The course, and the enrollment that certifies that the person holds it."""
    session_id = await new_session(pool, places=1)
    [enrollment_id] = await enrolled(pool, session_id, person_id)
    await complete(pool, enrollment_id)
    return await course_of(pool, session_id), enrollment_id


async def passes(pool: Pool, person_id: int, **end_in: float) -> None:
    """Time passes until so much is left of what the person holds. The clock of the database is its own."""
    await execute(
        pool,
        "WITH scope AS (SELECT set_config('muster.organisations', '{NULL}', true))"
        " UPDATE certifications SET valid_until = $2 FROM scope WHERE employee_id = $1",
        person_id,
        datetime.now(UTC) + timedelta(**end_in),
    )


async def scoped(pool: Pool, statement: str, *arguments: Any) -> None:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await connection.execute(statement, *arguments)
