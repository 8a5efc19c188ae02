"""Courses and sessions of an imported file: many in one transaction are what each of them would be alone."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from services.catalog.app import MIGRATIONS
from services.catalog.imports import COURSES, SESSIONS
from services.catalog.schemas import CourseFields, SessionFields
from services.catalog.schemas_imports import CourseLine, SessionLine
from services.catalog.store import external_ids
from services.catalog.use_cases import courses, sessions
from shared.imports.kind import Applied
from shared.postgres.audit import Actor
from shared.postgres.errors import TransactionConflict
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, transaction
from tests.support.client import new_organisation
from tests.support.databases import fresh_database
from tests.support.enrollment_rows import warm_pool
from tests.support.eventually import eventually
from tests.support.races import waits_for_a_lock

ORGANISATION = 7
ACTOR = Actor("tester", "Tester")
COURSE = {"title": "First aid", "category": "safety", "delivery_mode": "in_person", "duration_hours": 8}
TIMES = {"start_date": "2030-05-15T09:00:00Z", "end_date": "2030-05-15T17:00:00Z"}


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with fresh_database("catalog") as url:
        await migrate(url, MIGRATIONS)
        async with warm_pool(url, 4) as pool:
            yield pool


def course(external_id: str | None = None, **fields: Any) -> CourseLine:
    named = {} if external_id is None else {"external_id": external_id}
    return CourseLine.model_validate({**COURSE, **named, **fields})


def session(course_id: int, external_id: str | None = None, **fields: Any) -> SessionLine:
    given = {"course_id": course_id, "session_name": "May", "max_participants": 20, **TIMES, **fields}
    named = {} if external_id is None else {"external_id": external_id}
    return SessionLine.model_validate({**given, **named})


async def apply(pool: Pool, *lines: CourseLine | SessionLine, organisation: int = ORGANISATION) -> list[Applied]:
    kind: Any = COURSES if isinstance(lines[0], CourseLine) else SESSIONS
    async with transaction(pool, [organisation]) as connection:
        return list(await kind.apply(connection, organisation, lines, ACTOR))


async def ids(pool: Pool, *lines: CourseLine | SessionLine) -> list[int]:
    """Of rows that are all new."""
    applied = await apply(pool, *lines)
    assert outcomes(applied) == ["created"] * len(lines)
    return [each.row_id for each in applied if each.row_id is not None]


def outcomes(applied: Sequence[Applied]) -> list[str]:
    return [each.outcome for each in applied]


def reasons(applied: Sequence[Applied]) -> list[tuple[str | None, str]]:
    return [(error.field, error.reason) for each in applied for error in each.errors]


async def told(pool: Pool, organisation: int = ORGANISATION) -> list[tuple[Any, ...]]:
    """What events and the audit trail say, without the ids and times of rows."""
    left_out = dict.fromkeys(("id", "course_id", "created_at"))
    events = await pool.fetch(
        "SELECT routing_key, body FROM outbox WHERE organisation_id = $1 ORDER BY id", organisation
    )
    trail = await pool.fetch(
        "SELECT action, version, changes FROM audit_trail WHERE organisation_id = $1 ORDER BY kind, id, version",
        organisation,
    )
    return [
        *((row["routing_key"], {**json.loads(row["body"])["data"], **left_out}) for row in events),
        *((row["action"], row["version"], {**json.loads(row["changes"]), **left_out}) for row in trail),
    ]


async def rows(pool: Pool, table: str) -> list[Any]:
    return await pool.fetch(f"SELECT xmin::text, xmax::text, * FROM {table} ORDER BY id")


async def test_lines_create_and_change_and_say_what_is_so_already(pool: Pool) -> None:
    first, second = await ids(pool, course("A"), course("B"))
    again = await apply(pool, course("A"), course("B", title="Fire"), course("C"), course(id=first, title="Aid"))
    assert outcomes(again) == ["unchanged", "changed", "created", "refused"]
    assert [each.row_id for each in again][:2] == [first, second]
    assert reasons(again) == [(None, "An earlier line is about the same one.")]
    assert outcomes(await apply(pool, course(id=first, title="Aid"))) == ["changed"]
    assert await pool.fetchval("SELECT title FROM courses WHERE external_id = 'A'") == "Aid"


async def test_the_same_lines_again_write_nothing(pool: Pool) -> None:
    lines = [
        course(f"C-{each}", labels=[{"id": 1, "name": "Yearly"}], cost_per_participant=each, pass_score=each)
        for each in range(1, 9)
    ]
    [one, *_] = await ids(pool, *lines)
    meetings = [{"id": 1, **TIMES, "location": "Room A"}]
    held = [
        session(one, f"S-{each}", meetings=meetings, facilitator={"id": 5, "full_name": "Ada"}) for each in range(8)
    ]
    await ids(pool, *held)
    before = await told(pool), await rows(pool, "courses"), await rows(pool, "sessions")
    assert outcomes(await apply(pool, *lines)) == ["unchanged"] * 8
    assert outcomes(await apply(pool, *held)) == ["unchanged"] * 8
    assert (await told(pool), await rows(pool, "courses"), await rows(pool, "sessions")) == before


async def test_many_at_once_are_told_as_each_is_alone(pool: Pool) -> None:
    other = new_organisation()
    [course_id] = await ids(pool, course("A", pass_score=70))
    [session_id] = await ids(pool, session(course_id, "S"))
    assert outcomes(await apply(pool, course("A", pass_score=80, title="Fire"))) == ["changed"]
    assert outcomes(await apply(pool, session(course_id, "S", max_participants=30))) == ["changed"]
    fields = CourseFields.model_validate({**COURSE, "external_id": "A", "pass_score": 70})
    async with transaction(pool, [other]) as connection:
        alone, _ = await courses.create_course(connection, other, fields, ACTOR)
        held = SessionFields.model_validate(session(alone, "S").model_dump(exclude={"id"}))
        held_id, _ = await sessions.create_session(connection, other, held, ACTOR)
    nobody: Any = Nobody()
    await courses.change_course(pool, nobody, other, alone, {"pass_score": 80, "title": "Fire"}, ACTOR)
    await sessions.change_session(pool, nobody, other, held_id, {"max_participants": 30}, ACTOR)
    assert await told(pool) == await told(pool, other)
    totals = await pool.fetch("SELECT total_sessions FROM courses ORDER BY organisation_id")
    assert [row["total_sessions"] for row in totals] == [1, 1]
    assert session_id != held_id


class Nobody:
    """An enrollment service that is not there: changes reach it by their events."""

    async def notify(self, *_: Any, **__: Any) -> dict[int, int]:
        return {}


async def test_a_line_is_the_whole_row_but_for_what_only_names_or_moves_it(pool: Pool) -> None:
    [course_id] = await ids(pool, course("A", description="Long", pass_score=70))
    left_out = CourseLine.model_validate({**COURSE, "id": course_id})
    assert outcomes(await apply(pool, left_out)) == ["changed"]
    row = await pool.fetchrow("SELECT external_id, description, pass_score FROM courses")
    assert row is not None
    assert tuple(row) == ("A", None, None)
    [session_id] = await ids(pool, session(course_id, "S"))
    assert outcomes(await apply(pool, session(course_id, "S", status="in_progress"))) == ["changed"]
    assert outcomes(await apply(pool, session(course_id, id=session_id, session_name="June"))) == ["changed"]
    row = await pool.fetchrow("SELECT external_id, session_name, status FROM sessions")
    assert row is not None
    assert tuple(row) == ("S", "June", "in_progress")


@pytest.mark.parametrize("model", [CourseLine, SessionLine])
def test_a_line_has_an_id_or_an_external_id(model: type[Any]) -> None:
    given = (
        {**COURSE} if model is CourseLine else session(1, "S").model_dump(mode="json", exclude={"id", "external_id"})
    )
    with pytest.raises(ValueError, match="id or external_id is required"):
        model.model_validate(given)
    assert model.model_validate({**given, "id": 1}).id == 1


async def test_good_courses_go_in_though_others_are_refused(pool: Pool) -> None:
    first, second, third = await ids(pool, course("A"), course("B"), course("C"))
    applied = await apply(
        pool,
        course("D", prerequisites=[first]),
        course("E", prerequisites=[first, third + 1000]),
        course(id=third + 1000),
        course("A", prerequisites=[first]),
        course("B", prerequisites=[third]),
        course("C", prerequisites=[second]),
    )
    assert outcomes(applied) == ["created", "refused", "refused", "refused", "changed", "refused"]
    assert reasons(applied) == [
        ("prerequisites.1", "The selected course does not exist."),
        ("id", "The course does not exist."),
        ("prerequisites.0", "A course cannot be its own prerequisite."),
        ("prerequisites", "These courses would require each other: First aid → First aid → First aid."),
    ]


async def test_good_sessions_go_in_though_others_are_refused(pool: Pool) -> None:
    one, other = await ids(pool, course("A"), course("B"))
    lines = [session(one, name) for name in "RSTUVW"]
    await ids(pool, *lines)
    assert outcomes(await apply(pool, session(one, "W", status="in_progress"))) == ["changed"]
    applied = await apply(
        pool,
        session(one, "R", max_participants=25, status="in_progress"),
        session(one, "S", max_participants=19),
        session(one, "T", status="cancelled"),
        session(one, "U", status="completed"),
        session(other, "V"),
        session(one, "W", status="scheduled"),
        session(one, "X", status="in_progress"),
        session(other + 1000, "Y"),
        session(other, "Z"),
        session(one, id=10**9),
    )
    closing = "A file cannot close a session or lower its capacity. Change the session itself."
    assert outcomes(applied) == ["changed", *["refused"] * 7, "created", "refused"]
    assert reasons(applied) == [
        ("max_participants", closing),
        ("status", closing),
        ("status", "A session that is scheduled cannot become completed."),
        ("course_id", "The course of a session cannot be changed."),
        ("status", "A session that is in_progress cannot become scheduled."),
        ("status", "A new session must have the status scheduled."),
        ("course_id", "The selected course does not exist."),
        ("id", "The session does not exist."),
    ]
    totals = await pool.fetch("SELECT total_sessions FROM courses ORDER BY id")
    assert [row["total_sessions"] for row in totals] == [6, 1]


async def test_an_external_id_is_one_rows(pool: Pool) -> None:
    first, second = await ids(pool, course("A"), course("B"))
    taken = await apply(pool, course("B", id=first), course("A", id=second))
    assert reasons(taken) == [("external_id", "Another course of your organisation has this external_id.")] * 2
    given_up = await apply(pool, course("C", id=first), course("A", id=second), course("D"))
    assert outcomes(given_up) == ["changed", "changed", "created"]
    assert outcomes(await apply(pool, course("A"), organisation=new_organisation())) == ["created"]


async def test_another_organisations_rows_are_none(pool: Pool) -> None:
    [course_id] = await ids(pool, course("A"))
    applied = await apply(pool, course(id=course_id), course("B", prerequisites=[course_id]), organisation=8)
    assert reasons(applied) == [
        ("id", "The course does not exist."),
        ("prerequisites.0", "The selected course does not exist."),
    ]
    [refused] = await apply(pool, session(course_id, "S"), organisation=8)
    assert reasons([refused]) == [("course_id", "The selected course does not exist.")]


async def created_twice(pool: Pool) -> BaseException | list[Applied]:
    """What becomes of a file with an `external_id` that another transaction is creating a row of."""
    async with transaction(pool, [ORGANISATION]) as connection:
        await COURSES.apply(connection, ORGANISATION, [course("A")], ACTOR)
        other = asyncio.create_task(apply(pool, course("A", title="Fire"), course("B")))
        await eventually(lambda: waits_for_a_lock(pool))
    [outcome] = await asyncio.gather(other, return_exceptions=True)
    return outcome


async def test_what_another_creates_meanwhile_is_found_by_the_next_attempt(pool: Pool) -> None:
    assert isinstance(await created_twice(pool), TransactionConflict)
    assert outcomes(await apply(pool, course("A", title="Fire"), course("B"))) == ["changed", "created"]


async def test_control_without_the_lock_the_database_refuses_the_batch(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external_ids, "_LOCK", "SELECT $1::text, $2::bigint, $3::text[]")
    assert isinstance(await created_twice(pool), asyncpg.UniqueViolationError)
