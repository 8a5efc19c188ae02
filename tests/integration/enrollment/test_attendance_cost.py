"""Recording attendance takes as many statements for many rows as for one, and holds what it decides on."""

from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any, cast

import pytest

from services.enrollment.catalog_client import CatalogClient
from services.enrollment.schemas_attendance import Attendance
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.use_cases.attendance import record_attendance
from shared.http.responses import Answer
from shared.postgres.connection import DatabaseConnection
from shared.postgres.pool import Pool, connection_pool
from tests.support.enrollment_rows import ACTOR, ORGANISATION, enroll, enrollment_database, new_people, new_session

METHODS = ("execute", "fetch", "fetchval", "fetchrow")
MANY = 40
_is_counted = ContextVar("is_counted", default=False)
"""Whether it is the test that asks: stacks of other tests are at work in the same process."""


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, connection_pool(url, name="test") as pool:
        yield pool


async def record(pool: Pool, session_id: int, *rows: dict[str, Any]) -> Answer:
    nobody = cast(CatalogClient, None)
    asked = Attendance.model_validate({"attendance": list(rows)})
    return await record_attendance(pool, nobody, (ORGANISATION, session_id), asked, ACTOR)


async def statements(pool: Pool, monkeypatch: pytest.MonkeyPatch, rows: int) -> int:
    """Of recording so many completions."""
    session_id, people = await new_session(pool, rows), await new_people(pool, rows)
    await enroll(pool, session_id, *people)
    count = 0

    def counting(method: str) -> Any:
        original = getattr(DatabaseConnection, method)

        async def counted(connection: Any, *arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += _is_counted.get()
            return await original(connection, *arguments, **options)

        return counted

    with monkeypatch.context() as patched:
        for method in METHODS:
            patched.setattr(DatabaseConnection, method, counting(method))
        _is_counted.set(True)
        answer = await record(pool, session_id, *({"employee_id": each, "outcome": "completed"} for each in people))
    assert '"refused"' not in answer.text
    return count


async def test_many_rows_take_as_many_statements_as_one(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    one, many = await statements(pool, monkeypatch, 1), await statements(pool, monkeypatch, MANY)
    assert 5 <= many <= one


async def test_control_rows_that_are_locked_one_by_one_take_more(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = enrollment_store.lock

    async def one_by_one(connection: Any, keys: Any) -> Any:
        return [each for key in keys for each in await lock(connection, [key])]

    one = await statements(pool, monkeypatch, 1)
    monkeypatch.setattr(enrollment_store, "lock", one_by_one)
    assert await statements(pool, monkeypatch, MANY) > one


async def test_control_an_enrollment_that_is_written_for_each_change_may_keep_the_first(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL updates a row once in a statement, whichever of several states comes first."""
    session_id, [person] = await new_session(pool, 1), await new_people(pool, 1)
    await enroll(pool, session_id, person)
    written: list[int] = []
    update = enrollment_store.update

    async def noting(connection: Any, changed: Any) -> None:
        written.extend(state.version for _, state in changed)
        await update(connection, changed)

    monkeypatch.setattr(enrollment_store, "update", noting)
    rows = [{"employee_id": person, "outcome": outcome} for outcome in ("checked_in", "completed")]
    assert "refused" not in (await record(pool, session_id, *rows)).text
    assert written == [3]
