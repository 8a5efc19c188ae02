"""Notices of expiry are sent so many days before a completion ends and when it has ended, each of them once."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.enrollment.store import certifications as store
from services.enrollment.use_cases.certifications import follow_completions, send_batch
from shared.observability import is_traceparent
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.enrollment_rows import (
    ORGANISATION,
    complete,
    enrolled,
    enrollment_database,
    execute,
    new_people,
    new_session,
    published,
    reopen,
    warm_pool,
)
from tests.support.guards import without
from tests.support.races import hold_after

DAYS = (30, 7)
WORKERS = 2


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, WORKERS + 2) as pool:
        yield pool


async def new_completions(pool: Pool, count: int, **end_in: float) -> list[int]:
    """Enrollments that were completed, and end then."""
    session_id = await new_session(pool, places=count)
    await execute(pool, "UPDATE courses SET validity_months = 12, pass_score = 50")
    ids = await enrolled(pool, session_id, *await new_people(pool, count))
    for enrollment_id in ids:
        await complete(pool, enrollment_id)
        await end(pool, enrollment_id, **end_in)
    return ids


async def end(pool: Pool, enrollment_id: int, **end_in: float) -> None:
    """Time passes: a fortnight since the last notice, and so much is left. The clock of the database is its own."""
    await execute(
        pool,
        "WITH told AS (UPDATE enrollments SET end_told_at = end_told_at - interval '14 days' WHERE id = $1)"
        " UPDATE certifications SET valid_until = $2, look_at = now() WHERE enrollment_id = $1",
        enrollment_id,
        datetime.now(UTC) + timedelta(**end_in),
    )


async def look(pool: Pool, days: Sequence[int] = DAYS) -> None:
    while await send_batch(pool, days):
        pass


async def told(pool: Pool) -> list[dict[str, Any]]:
    return [{"kind": kind, **state} for kind, state in await published(pool, "certification")]


async def test_each_moment_is_told_once_however_often_somebody_looks(pool: Pool) -> None:
    [enrollment_id] = await new_completions(pool, 1, days=60)
    seen = []
    for left in (60, 20, 5, -1):
        await end(pool, enrollment_id, days=left)
        for _ in range(3):
            await look(pool)
            await execute(pool, "UPDATE certifications SET look_at = now() WHERE look_at IS NOT NULL")
        seen.append([event["kind"] for event in await told(pool)])
    assert seen == [[], ["expiring"], ["expiring"] * 2, ["expiring", "expiring", "expired"]]
    assert [event["version"] for event in await told(pool)] == [1, 2, 3]


async def test_an_event_tells_whose_completion_of_what_ends_when(pool: Pool) -> None:
    [enrollment_id] = await new_completions(pool, 1, days=6, hours=12)
    await look(pool)
    [event] = await told(pool)
    row = await pool.fetchrow("SELECT * FROM certifications")
    assert row is not None
    moments = {name: datetime.fromisoformat(event.pop(name)) for name in ("completed_at", "valid_until")}
    assert moments == {name: row[name] for name in moments}
    assert event == {
        "kind": "expiring",
        "id": enrollment_id,
        "version": 1,
        "course_id": row["course_id"],
        "employee_id": row["employee_id"],
        "days_left": 7,
        "source": "internal",
    }


async def test_a_look_that_sends_notices_is_the_trace_of_them_all(pool: Pool) -> None:
    await new_completions(pool, 2, days=6)
    await look(pool)
    rows = await pool.fetch("SELECT body FROM outbox WHERE routing_key = 'certification.expiring'")
    [first, second] = [json.loads(row["body"]) for row in rows]
    assert is_traceparent(first["traceparent"])
    assert second["traceparent"] == first["traceparent"]
    assert "requestid" not in first


async def test_nothing_is_told_of_what_does_not_end(pool: Pool) -> None:
    [enrollment_id] = await new_completions(pool, 1, days=1)
    await execute(
        pool, "UPDATE certifications SET valid_until = NULL, look_at = NULL WHERE enrollment_id = $1", enrollment_id
    )
    await look(pool)
    assert await told(pool) == []


@pytest.mark.parametrize("way", ["reopened", "failed", "without a score"])
async def test_a_completion_that_is_taken_back_is_revoked_and_ends_without_a_notice(pool: Pool, way: str) -> None:
    [enrollment_id] = await new_completions(pool, 1, days=1)
    held = await pool.fetchrow("SELECT course_id, employee_id, completed_at, valid_until FROM enrollments")
    assert held is not None
    if way == "reopened":
        await reopen(pool, enrollment_id)
    else:
        await complete(pool, enrollment_id, 10 if way == "failed" else None)
    await look(pool)
    [event] = await told(pool)
    moments = {name: datetime.fromisoformat(event.pop(name)) for name in ("completed_at", "valid_until")}
    assert moments == {name: held[name] for name in moments}
    assert event == {
        "kind": "revoked",
        "id": enrollment_id,
        "version": 1,
        "course_id": held["course_id"],
        "employee_id": held["employee_id"],
        "days_left": 0,
        "source": "internal",
    }
    assert await pool.fetchval("SELECT count(*) FROM certifications") == 0


async def test_one_that_never_ends_is_revoked_without_an_end(pool: Pool) -> None:
    session_id = await new_session(pool, places=1)
    [enrollment_id] = await enrolled(pool, session_id, *await new_people(pool, 1))
    await complete(pool, enrollment_id)
    await reopen(pool, enrollment_id)
    [event] = await told(pool)
    assert (event["kind"], event["valid_until"]) == ("revoked", None)


async def test_what_never_certified_is_not_revoked(pool: Pool) -> None:
    [enrollment_id] = await new_completions(pool, 1, days=20)
    await complete(pool, enrollment_id, 10)
    await complete(pool, enrollment_id, 20)
    await reopen(pool, enrollment_id)
    assert [event["kind"] for event in await told(pool)] == ["revoked"]


async def test_the_completion_that_is_left_counts_once_another_is_revoked(pool: Pool) -> None:
    first, second = await new_completions(pool, 2, days=20)
    await execute(pool, "DELETE FROM certifications WHERE enrollment_id = $1", second)
    await execute(pool, "UPDATE enrollments SET session_id = $1 WHERE id = $2", await new_session(pool, 1), second)
    same_person = (
        "UPDATE enrollments SET employee_id = (SELECT employee_id FROM enrollments WHERE id = $1) WHERE id = $2"
    )
    await execute(pool, same_person, first, second)
    await reopen(pool, first)
    assert [row["enrollment_id"] for row in await pool.fetch("SELECT enrollment_id FROM certifications")] == [second]


async def test_a_correction_that_leaves_the_end_tells_nothing_again(pool: Pool) -> None:
    await new_completions(pool, 1, days=20)
    await execute(pool, "UPDATE enrollments SET valid_until = (SELECT valid_until FROM certifications)")
    await look(pool)
    before = await pool.fetchrow("SELECT * FROM certifications")
    assert before is not None
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await follow_completions(connection, [(ORGANISATION, before["course_id"], before["employee_id"])])
    await look(pool)
    assert await pool.fetchrow("SELECT * FROM certifications") == before
    assert len(await told(pool)) == 1


async def test_versions_rise_when_a_completion_was_taken_back_and_given_again(pool: Pool) -> None:
    [enrollment_id] = await new_completions(pool, 1, days=20)
    await look(pool)
    for score in (10, 90):
        await complete(pool, enrollment_id, score)
    await end(pool, enrollment_id, days=5)
    await look(pool)
    told_of = [(event["kind"], event["version"]) for event in await told(pool)]
    assert told_of == [("expiring", 1), ("revoked", 2), ("expiring", 3)]


async def test_a_completion_that_is_given_again_gets_its_notices_again(pool: Pool) -> None:
    [enrollment_id] = await new_completions(pool, 1, days=20)
    await look(pool)
    await reopen(pool, enrollment_id)
    await complete(pool, enrollment_id, 90)
    ending = datetime.now(UTC) + timedelta(days=20)
    await execute(pool, "UPDATE certifications SET valid_until = $1, look_at = now()", ending)
    await look(pool)
    assert [event["kind"] for event in await told(pool)] == [
        "expiring",
        "revoked",
        "expiring",
    ]


async def look_at_once(pool: Pool, monkeypatch: pytest.MonkeyPatch, completions: int) -> list[int]:
    """Which completions got a notice, when several workers have read what is due before anybody has sent one."""
    await new_completions(pool, completions, days=20)
    hold_after(monkeypatch, store, "lock_endings", WORKERS)
    await asyncio.gather(*(send_batch(pool, DAYS) for _ in range(WORKERS)))
    return sorted(event["id"] for event in await told(pool))


async def test_two_workers_at_once_tell_each_moment_once(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await look_at_once(pool, monkeypatch, completions=5)
    assert len(ids) == len(set(ids)) == 5


async def test_control_without_the_row_lock_two_workers_tell_it_twice(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, store, "_DUE", "FOR UPDATE SKIP LOCKED")
    ids = await look_at_once(pool, monkeypatch, completions=5)
    assert len(ids) == 2 * len(set(ids)) == 10


async def test_two_workers_at_once_share_many(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.enrollment.use_cases.certifications.BATCH", 3)
    ids = await look_at_once(pool, monkeypatch, completions=6)
    assert len(ids) == len(set(ids)) == 6


async def test_a_worker_that_fails_has_told_nothing(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    await new_completions(pool, 2, days=20)

    async def broken(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as failing:
        failing.setattr("shared.messaging.outbox.add", broken)
        with pytest.raises(ZeroDivisionError):
            await send_batch(pool, DAYS)
    assert await told(pool) == []
    await look(pool)
    assert len(await told(pool)) == 2
