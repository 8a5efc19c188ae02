"""Who loses clearance and who gains it is found out and published once, whatever the reason, also time alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.enrollment.schemas import Completion, EmployeeFields, OrganisationSettings
from services.enrollment.store import catalog_replica
from services.enrollment.store import standings as store
from services.enrollment.store.standing_check import wrong_standings
from services.enrollment.use_cases import lifecycle, people, settings, standings
from services.enrollment.use_cases.standings import look_around, look_at_next
from shared.http.models import IdAndName
from shared.observability import is_traceparent
from shared.postgres.pool import Pool, connected, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support import events
from tests.support.enrollment_rows import (
    ACTOR,
    ORGANISATION,
    enroll,
    enrollment_database,
    execute,
    granted,
    new_people,
    new_session,
    warm_pool,
)
from tests.support.guards import without
from tests.support.races import hold_after

WORKERS = 2
LOOKS_AT_MOST = 50


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, WORKERS + 3) as pool:
        yield pool


async def asks(pool: Pool, **columns: Any) -> int:
    """The id of a new requirement."""
    given = {"organisation_id": ORGANISATION, "name": "White card", "course_ids": [], "label_ids": []} | columns
    places = ", ".join(f"${place}" for place in range(1, len(given) + 1))
    statement = f"INSERT INTO requirements ({', '.join(given)}) VALUES ({places}) RETURNING id"
    async with transaction(pool, [ORGANISATION]) as connection:
        found: int = await connection.fetchval(statement, *given.values())
    return found


async def in_scope(pool: Pool, statement: str, *arguments: Any) -> list[Any]:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        return list(await connection.fetch(statement, *arguments))


async def look(pool: Pool) -> None:
    for _ in range(LOOKS_AT_MOST):
        if not await look_around(pool):
            return
    raise AssertionError("there is always somebody to look at")


async def told(pool: Pool) -> list[tuple[str, int, int, int, list[int]]]:
    """Of each event what it is, whose, which version, of which requirement, and what its person lacks."""
    rows = await in_scope(pool, "SELECT routing_key, body FROM outbox WHERE routing_key LIKE 'clearance.%' ORDER BY id")
    states = [(row["routing_key"].removeprefix("clearance."), json.loads(row["body"])["data"]) for row in rows]
    return [
        (kind, int(state["id"]), int(state["version"]), state["requirement"]["id"], state["lacking"])
        for kind, state in states
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
    [data] = granted([await enroll(pool, session_id, person_id)])
    enrollment_id: int = data["enrollments"][0]["id"]
    await lifecycle.complete(pool, ORGANISATION, enrollment_id, Completion(score=Decimal(90)), ACTOR)
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


async def test_a_requirement_is_lost_by_who_lacks_it_and_gained_by_who_completes_it(pool: Pool) -> None:
    session_id = await new_session(pool, places=3)
    first, second = sorted(await new_people(pool, 2))
    requirement = await asks(pool, course_ids=[await course_of(pool, session_id)])
    await look(pool)
    assert await told(pool) == [
        ("lost", first, 1, requirement, [requirement]),
        ("lost", second, 1, requirement, [requirement]),
    ]
    [data] = granted([await enroll(pool, session_id, second)])
    await lifecycle.complete(pool, ORGANISATION, data["enrollments"][0]["id"], Completion(), ACTOR)
    await look(pool)
    assert (await told(pool))[2:] == [("gained", second, 2, requirement, [])]
    assert await lacking(pool) == {first: [requirement], second: []}
    await lifecycle.reopen(pool, ORGANISATION, data["enrollments"][0]["id"], "It was somebody else", ACTOR)
    await look(pool)
    assert (await told(pool))[3:] == [("lost", second, 3, requirement, [requirement])]
    assert await differences(pool) == []


async def test_the_event_says_what_is_asked_and_where(pool: Pool) -> None:
    [person] = await new_people(pool, 1)
    requirement = await asks(pool, course_ids=[1], project_ids=[9, 3])
    await look(pool)
    [row] = await in_scope(pool, "SELECT body FROM outbox WHERE routing_key = 'clearance.lost'")
    event = json.loads(row["body"])
    assert event["subject"] == f"clearances/{person}"
    assert is_traceparent(event["traceparent"])
    assert event["data"] == {
        "id": person,
        "version": 1,
        "employee_id": person,
        "requirement": {"id": requirement, "name": "White card", "project_ids": [3, 9]},
        "lacking": [requirement],
    }


async def test_time_alone_takes_clearance_once_however_often_somebody_looks(pool: Pool) -> None:
    [person] = await new_people(pool, 1)
    course, _ = await completed(pool, person)
    requirement = await asks(pool, course_ids=[course])
    await passes(pool, person, days=100)
    await look(pool)
    seen = []
    for left in (100, 60, 1, -1):
        await passes(pool, person, days=left)
        await execute(pool, "TRUNCATE clearance_marks")  # nobody tells the worker
        await scoped(pool, "UPDATE clearances SET look_at = now() WHERE look_at IS NOT NULL")
        for _ in range(3):
            await look(pool)
        seen.append([kind for kind, *_ in await told(pool)])
    assert seen == [[], [], [], ["lost"]]
    assert await told(pool) == [("lost", person, 1, requirement, [requirement])]


async def scoped(pool: Pool, statement: str, *arguments: Any) -> None:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await connection.execute(statement, *arguments)


async def test_the_moment_to_look_is_the_end_of_what_meets_it(pool: Pool) -> None:
    [person] = await new_people(pool, 1)
    course, _ = await completed(pool, person)
    await asks(pool, course_ids=[course])
    await passes(pool, person, days=30)
    await look(pool)
    [row] = await in_scope(
        pool,
        "SELECT c.ending_at, c.look_at, h.valid_until FROM clearances c JOIN certifications h USING (employee_id)",
    )
    assert row["ending_at"] == [row["valid_until"]]
    assert row["look_at"] == row["valid_until"]


async def test_a_requirement_begins_and_ends_with_its_days(pool: Pool) -> None:
    [person] = await new_people(pool, 1)
    today = datetime.now(UTC).date()
    requirement = await asks(pool, course_ids=[1], valid_from=today + timedelta(days=2))
    await look(pool)
    assert await told(pool) == []
    [row] = await in_scope(pool, "SELECT look_at FROM clearances WHERE employee_id = $1", person)
    assert row["look_at"].date() == today + timedelta(days=2)
    await scoped(pool, "UPDATE requirements SET valid_from = $1", today - timedelta(days=1))
    await look(pool)
    await scoped(pool, "UPDATE requirements SET valid_to = $1", today - timedelta(days=1))
    await look(pool)
    assert [(kind, version) for kind, _, version, *_ in await told(pool)] == [("lost", 1), ("gained", 2)]
    assert {each[3] for each in await told(pool)} == {requirement}


async def test_grace_keeps_clearance_until_it_ends(pool: Pool) -> None:
    [person] = await new_people(pool, 1)
    await asks(pool, course_ids=[1], grace_days=5)
    await look(pool)
    assert await told(pool) == []
    [row] = await in_scope(pool, "SELECT in_grace, look_at - now() AS ahead FROM clearances")
    assert len(row["in_grace"]) == 1
    assert timedelta(days=4) < row["ahead"] <= timedelta(days=5, hours=1)
    await scoped(pool, "UPDATE requirements SET created_at = created_at - interval '6 days'")
    await scoped(pool, "UPDATE people SET created_at = created_at - interval '6 days'")
    await look(pool)
    assert [(kind, who) for kind, who, *_ in await told(pool)] == [("lost", person)]


async def test_a_requirement_that_is_removed_is_gained_by_its_name(pool: Pool) -> None:
    await new_people(pool, 1)
    requirement = await asks(pool, course_ids=[1])
    await look(pool)
    await scoped(pool, "UPDATE requirements SET removed = true")
    await look(pool)
    assert [(kind, of) for kind, _, _, of, _ in await told(pool)] == [("lost", requirement), ("gained", requirement)]
    assert await differences(pool) == []


async def test_who_leaves_neither_loses_nor_gains_and_counts_on_when_they_are_back(pool: Pool) -> None:
    [person] = await new_people(pool, 1)
    requirement = await asks(pool, course_ids=[1])
    await look(pool)
    await people.remove_person(pool, ORGANISATION, "employee", person, ACTOR)
    await look(pool)
    assert len(await told(pool)) == 1
    assert await lacking(pool) == {person: []}
    fields = EmployeeFields(employee_id="E-1", full_name="John Doe")
    await people.save_person(pool, ORGANISATION, "employee", person, fields, ACTOR)
    await look(pool)
    assert (await told(pool))[1:] == [("lost", person, 2, requirement, [requirement])]


async def test_another_company_or_type_changes_what_is_asked_of_a_person(pool: Pool) -> None:
    [person] = await new_people(pool, 1)
    requirement = await asks(pool, course_ids=[1], company_ids=[5], person_types=["employee"])
    await look(pool)
    company = IdAndName(id=5, name="Northwind")
    fields = EmployeeFields(employee_id=f"E-{person}", full_name="John Doe", company=company)
    await people.save_person(pool, ORGANISATION, "employee", person, fields, ACTOR)
    await look(pool)
    await people.save_person(pool, ORGANISATION, "staff", person, fields, ACTOR)
    await look(pool)
    assert [(kind, of) for kind, _, _, of, _ in await told(pool)] == [("lost", requirement), ("gained", requirement)]


async def test_a_label_is_met_by_whatever_course_carries_it(pool: Pool) -> None:
    [person] = await new_people(pool, 1)
    course, _ = await completed(pool, person)
    requirement = await asks(pool, label_ids=[77])
    await look(pool)
    for version, labels in ((2, [77, 78]), (3, [78])):
        carried = [{"id": each, "name": "Heights"} for each in labels]
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            changed = events.course(ORGANISATION, course, version=version, labels=carried)
            await catalog_replica.save_courses(connection, [changed])
        await look(pool)
    assert [(kind, of) for kind, _, _, of, _ in await told(pool)] == [
        ("lost", requirement),
        ("gained", requirement),
        ("lost", requirement),
    ]
    assert await differences(pool) == []


async def test_a_course_whose_labels_nobody_asks_for_marks_nobody(pool: Pool) -> None:
    await new_people(pool, 1)
    await asks(pool, label_ids=[77])
    await look(pool)
    await new_session(pool, places=1)
    assert await in_scope(pool, "SELECT FROM clearance_marks") == []


async def test_another_time_zone_moves_the_days(pool: Pool) -> None:
    await new_people(pool, 1)
    today = datetime.now(UTC).date()
    await asks(pool, course_ids=[1], valid_from=today + timedelta(days=3))
    await look(pool)
    [before] = await in_scope(pool, "SELECT look_at FROM clearances")
    await settings.save_settings(pool, ORGANISATION, OrganisationSettings(time_zone="Australia/Sydney"), ACTOR)
    await look(pool)
    [after] = await in_scope(pool, "SELECT look_at FROM clearances")
    assert timedelta(hours=9) < before["look_at"] - after["look_at"] < timedelta(hours=12)


async def test_where_nothing_is_asked_nothing_is_written(pool: Pool) -> None:
    [person] = await new_people(pool, 1)
    await completed(pool, person)
    await passes(pool, person, days=3)
    assert await in_scope(pool, "SELECT FROM clearance_marks") == []
    await look(pool)
    assert await lacking(pool) == {}


async def test_what_another_organisation_asks_is_not_asked_here(pool: Pool) -> None:
    await new_people(pool, 1)
    await scoped(
        pool,
        "INSERT INTO requirements (organisation_id, name, course_ids, label_ids) VALUES ($1, 'Theirs', '{1}', '{}')",
        ORGANISATION + 1,
    )
    await look(pool)
    assert await told(pool) == []


async def test_a_requirement_of_named_people_concerns_these_alone(pool: Pool) -> None:
    first, _ = await new_people(pool, 2)
    requirement = await asks(pool, course_ids=[1], employee_ids=[first])
    marked = await in_scope(pool, "SELECT employee_id FROM clearance_marks")
    assert [row["employee_id"] for row in marked] == [first]
    await look(pool)
    assert await lacking(pool) == {first: [requirement]}
    await scoped(pool, "UPDATE requirements SET employee_ids = NULL")
    await look(pool)
    assert len(await lacking(pool)) == 2


async def test_everybody_is_looked_at_however_many_they_are(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standings, "BATCH", 2)
    await new_people(pool, 7)
    await asks(pool, course_ids=[1])
    await look(pool)
    assert len(await told(pool)) == len(await lacking(pool)) == 7
    assert await in_scope(pool, "SELECT FROM clearance_walks") == []


async def test_a_change_during_a_walk_reaches_who_was_looked_at_already(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standings, "BATCH", 2)
    await new_people(pool, 7)
    await asks(pool, course_ids=[1])
    for name in ("Second", "Third"):
        await look_at_next(pool, ORGANISATION)
        await look_at_next(pool, ORGANISATION)
        await asks(pool, name=name, course_ids=[1])
    await look(pool)
    assert [len(each) for each in (await lacking(pool)).values()] == [3] * 7
    assert len(await told(pool)) == 21
    assert len({(who, version) for _, who, version, *_ in await told(pool)}) == 21


async def test_changes_one_after_another_keep_nobody_from_being_looked_at(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standings, "BATCH", 2)
    await new_people(pool, 7)
    await asks(pool, course_ids=[1])
    for days in range(1, 8):
        await scoped(pool, "UPDATE requirements SET created_at = now() - make_interval(days => $1)", days)
        await look_at_next(pool, ORGANISATION)
    assert len(await lacking(pool)) == 7


async def look_at_once(pool: Pool, monkeypatch: pytest.MonkeyPatch, *, takes_turns: bool) -> list[tuple[int, int]]:
    """Whose events of which version there are, when several workers look at the same person at once."""
    await new_people(pool, 1)
    await asks(pool, course_ids=[1])
    await look(pool)
    await scoped(pool, "UPDATE clearances SET lacking = '{}', version = 0, look_at = now()")
    await scoped(pool, "DELETE FROM outbox")
    hold_after(monkeypatch, store, "take_turn" if takes_turns else "facts", WORKERS)
    async with asyncio.timeout(20):
        await asyncio.gather(*(look_at_next(pool, ORGANISATION) for _ in range(WORKERS)))
    return [(who, version) for _, who, version, *_ in await told(pool)]


async def test_two_workers_at_once_tell_it_once(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(await look_at_once(pool, monkeypatch, takes_turns=True)) == 1


async def test_control_without_turns_two_workers_tell_it_twice(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = "pg_try_advisory_xact_lock(hashtextextended(concat_ws(' ', 'standings', $1::bigint), 6))"
    without(monkeypatch, store, "_TAKE_TURN", lock, "$1::bigint > 0")
    seen = await look_at_once(pool, monkeypatch, takes_turns=False)
    assert len(seen) == 2
    assert len(set(seen)) == 1


async def test_a_worker_that_fails_has_told_nothing_and_another_goes_on(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await new_people(pool, 3)
    await asks(pool, course_ids=[1])

    async def broken(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as failing:
        failing.setattr("shared.messaging.outbox.add", broken)
        with pytest.raises(ZeroDivisionError):
            await look_at_next(pool, ORGANISATION)
        assert not await look_around(pool)
    assert await told(pool) == []
    assert await lacking(pool) == {}
    await look(pool)
    assert len(await told(pool)) == 3


async def test_what_fails_in_one_organisation_keeps_no_other_from_its_turn(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await new_people(pool, 1)
    await asks(pool, course_ids=[1])
    await scoped(
        pool,
        "INSERT INTO requirements (organisation_id, name, course_ids, label_ids) VALUES (1, 'Theirs', '{1}', '{}')",
    )
    whole = store.take_people

    async def broken(connection: Any, organisation_id: int, limit: int) -> Any:
        if organisation_id == 1:
            raise ZeroDivisionError
        return await whole(connection, organisation_id, limit)

    monkeypatch.setattr(store, "take_people", broken)
    await look(pool)
    assert len(await told(pool)) == 1


async def test_a_row_that_says_something_else_is_found_and_put_right(pool: Pool) -> None:
    [person] = await new_people(pool, 1)
    await asks(pool, course_ids=[1])
    await look(pool)
    await scoped(pool, "UPDATE clearances SET lacking = '{}'")
    [sentence] = await differences(pool)
    assert f"person {person}" in sentence
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        assert await store.look_anew(connection) == 1
    await look(pool)
    assert await differences(pool) == []


async def test_who_is_about_to_be_looked_at_is_not_wrong_yet(pool: Pool) -> None:
    await new_people(pool, 1)
    await asks(pool, course_ids=[1])
    assert await differences(pool) == []


async def test_days_are_those_of_the_organisation(pool: Pool) -> None:
    """It is asked from the first moment of a day there, and to the last of another."""
    await new_people(pool, 1)
    await settings.save_settings(pool, ORGANISATION, OrganisationSettings(time_zone="Australia/Sydney"), ACTOR)
    day = date(2030, 5, 15)
    await asks(pool, course_ids=[1], valid_from=day)
    await look(pool)
    [row] = await in_scope(pool, "SELECT look_at FROM clearances")
    assert row["look_at"] == datetime(2030, 5, 14, 14, tzinfo=UTC)


@pytest.mark.parametrize("table", ["certifications", "people", "requirements"])
async def test_control_without_its_triggers_nobody_looks_at_whom_a_table_concerns(pool: Pool, table: str) -> None:
    [person] = await new_people(pool, 1)
    course, enrollment = await completed(pool, person)
    await asks(pool, course_ids=[course])
    await asks(pool, course_ids=[1], company_ids=[5])
    await look(pool)
    await execute(pool, f"ALTER TABLE {table} DISABLE TRIGGER mark_on_update")
    await execute(pool, f"ALTER TABLE {table} DISABLE TRIGGER mark_on_insert")
    if table == "certifications":
        await execute(pool, "ALTER TABLE certifications DISABLE TRIGGER mark_on_delete")
        await lifecycle.reopen(pool, ORGANISATION, enrollment, "It was somebody else", ACTOR)
    elif table == "people":
        await scoped(pool, "UPDATE people SET company_id = 5, company_name = 'Northwind'")
    else:
        await scoped(pool, "UPDATE requirements SET company_ids = NULL")
    await look(pool)
    assert len(await differences(pool)) == 1
