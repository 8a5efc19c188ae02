"""Who loses clearance and who gains it is found out and published once, whatever the reason, also time alone."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest

from services.enrollment.schemas import EmployeeFields, OrganisationSettings
from services.enrollment.store import catalog_replica
from services.enrollment.use_cases import people, settings
from shared.http.models import IdAndName
from shared.observability import is_traceparent
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support import events
from tests.support.enrollment_rows import (
    ACTOR,
    ORGANISATION,
    complete,
    enrolled,
    enrollment_database,
    execute,
    in_scope,
    new_people,
    new_session,
    reopen,
    warm_pool,
)
from tests.support.standings import asks, completed, course_of, differences, lacking, look, passes, scoped, told


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, 3) as pool:
        yield pool


async def test_a_requirement_is_lost_by_who_lacks_it_and_gained_by_who_completes_it(pool: Pool) -> None:
    session_id = await new_session(pool, places=3)
    first, second = sorted(await new_people(pool, 2))
    requirement = await asks(pool, course_ids=[await course_of(pool, session_id)])
    await look(pool)
    assert await told(pool) == [
        ("lost", first, 1, requirement, [requirement]),
        ("lost", second, 1, requirement, [requirement]),
    ]
    [enrollment_id] = await enrolled(pool, session_id, second)
    await complete(pool, enrollment_id, None)
    await look(pool)
    assert (await told(pool))[2:] == [("gained", second, 2, requirement, [])]
    assert await lacking(pool) == {first: [requirement], second: []}
    await reopen(pool, enrollment_id)
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


async def test_days_are_those_of_the_organisation(pool: Pool) -> None:
    """It is asked from the first moment of a day there, and to the last of another."""
    await new_people(pool, 1)
    await settings.save_settings(pool, ORGANISATION, OrganisationSettings(time_zone="Australia/Sydney"), ACTOR)
    day = date(2030, 5, 15)
    await asks(pool, course_ids=[1], valid_from=day)
    await look(pool)
    [row] = await in_scope(pool, "SELECT look_at FROM clearances")
    assert row["look_at"] == datetime(2030, 5, 14, 14, tzinfo=UTC)
