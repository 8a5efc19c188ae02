"""What comes in between while two people are merged. Each guard has a control that takes it out."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.enrollment.errors import EnrollmentNotFound
from services.enrollment.schemas import Completion
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.store import merging as merging_store
from services.enrollment.store import people as people_store
from services.enrollment.use_cases import lifecycle, merging
from services.enrollment.use_cases.change_set import in_transaction
from shared.http.conditional import Conditions
from shared.postgres.pool import Connection, Pool
from tests.support.enrollment_rows import (
    ACTOR,
    ORGANISATION,
    enroll,
    enrollment_database,
    granted,
    new_people,
    new_session,
    warm_pool,
)
from tests.support.eventually import eventually
from tests.support.races import waits_for_a_lock

ANY_VERSION = Conditions(if_match=frozenset({"*"}))


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, 4) as pool:
        yield pool


async def merge(pool: Pool, one: int, other: int) -> None:
    async def work(connection: Connection) -> None:
        await merging.merge(connection, ORGANISATION, "employee", one, other, ACTOR, ANY_VERSION)

    await in_transaction(pool, ORGANISATION, work)


async def enrolled(pool: Pool, session: int, person: int) -> int:
    [data] = granted([await enroll(pool, session, person)])
    return int(data["enrollments"][0]["id"])


async def merge_while_enrolling(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The people whose enrollments they are, where one is made after the merging has looked which there are."""
    one, other = await new_people(pool, 2)
    await enrolled(pool, await new_session(pool, places=2), one)
    late = await new_session(pool, places=2)
    lock, enrolling = people_store.lock_person, [late]

    async def lock_late(*arguments: Any) -> Any:
        if enrolling:
            await enrolled(pool, enrolling.pop(), one)
        return await lock(*arguments)

    monkeypatch.setattr(people_store, "lock_person", lock_late)
    await merge(pool, one, other)
    rows = await pool.fetch("SELECT employee_id FROM enrollments WHERE employee_id = ANY($1)", [one, other])
    assert len(rows) == 2
    return [place for row in rows for place, person in enumerate((one, other)) if row["employee_id"] == person]


async def test_an_enrollment_that_comes_in_between_goes_over_too(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await merge_while_enrolling(pool, monkeypatch) == [1, 1]


async def test_control_without_the_second_look_it_is_left_behind(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    look, seen = merging_store.enrollments_concerned, list[Any]()

    async def look_once(*arguments: Any) -> Any:
        if not seen:
            seen.append(await look(*arguments))
        return seen[0]

    monkeypatch.setattr(merging_store, "enrollments_concerned", look_once)
    assert sorted(await merge_while_enrolling(pool, monkeypatch)) == [0, 1]


async def test_whoever_waited_for_an_enrollment_finds_it_with_the_other_person(pool: Pool) -> None:
    one, other = await new_people(pool, 2)
    enrollment = await enrolled(pool, await new_session(pool, places=2), one)
    async with pool.acquire() as connection, connection.transaction():
        await merging.merge(connection, ORGANISATION, "employee", one, other, ACTOR, ANY_VERSION)
        completing = asyncio.create_task(lifecycle.complete(pool, ORGANISATION, enrollment, Completion(), ACTOR))
        await eventually(lambda: waits_for_a_lock(pool))
    status, _ = await completing
    row = await pool.fetchrow("SELECT employee_id, status FROM enrollments WHERE id = $1", enrollment)
    assert row is not None
    assert (status, tuple(row)) == ("completed", (other, "completed"))


async def test_two_who_are_merged_into_each_other_at_once_leave_one(pool: Pool) -> None:
    one, other = await new_people(pool, 2)
    await asyncio.gather(merge(pool, one, other), merge(pool, other, one), return_exceptions=True)
    assert await pool.fetchval("SELECT count(*) FROM people WHERE id = ANY($1) AND NOT removed", [one, other]) == 1


async def complete_while_it_moves(pool: Pool) -> str:
    """The status of an enrollment whose completion waits while it goes to another session."""
    [person] = await new_people(pool, 1)
    here, there = [await new_session(pool, places=2) for _ in range(2)]
    enrollment = await enrolled(pool, here, person)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE enrollments SET session_id = $2 WHERE id = $1", enrollment, there)
        completing = asyncio.create_task(lifecycle.complete(pool, ORGANISATION, enrollment, Completion(), ACTOR))
        await eventually(lambda: waits_for_a_lock(pool))
    status, _ = await completing
    return status


async def test_whoever_waited_for_an_enrollment_finds_it_in_the_other_session(pool: Pool) -> None:
    assert await complete_while_it_moves(pool) == "completed"


async def test_control_without_the_second_look_it_is_not_found(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrollment_store, "_LOOKS", 1)
    with pytest.raises(EnrollmentNotFound):
        await complete_while_it_moves(pool)
