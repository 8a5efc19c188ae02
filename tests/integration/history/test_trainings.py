"""The list of trainings: sessions, and the courses that are taught online (contract, section 5)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.http.pagination import REACH_BACK
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.world import (
    BEGUN,
    COURSES,
    ENROLLMENTS,
    SESSIONS,
    TRAININGS,
    enroll,
    new_course,
    new_employee,
    new_session,
    new_staff,
)

ONLINE = {"delivery_mode": "online"}
PAST = {"start_date": "2025-07-01T00:00:00Z", "end_date": "2025-07-01T08:00:00Z"}


def on(day: str) -> dict[str, str]:
    return {"start_date": f"{day}T09:00:00Z", "end_date": f"{day}T17:00:00Z"}


async def ids(client: Client, **query: Any) -> list[str]:
    """Of a page; a walk has the same."""
    answer = await client.get(TRAININGS, per_page=100, **query)
    assert answer.status == 200, answer.text
    assert answer.json["meta"] == {
        "current_page": 1, "per_page": 100, "total": len(answer.data), "total_pages": 1,
    }  # fmt: skip
    found = [item["id"] for item in answer.data]
    walked, cursor = [], ""
    while cursor is not None:
        step = await client.get(TRAININGS, per_page=1, cursor=cursor, total="true", **query)
        assert step.json["meta"]["total"] == len(found)
        walked += [item["id"] for item in step.data]
        cursor = step.json["meta"]["next_cursor"]
    assert (sorted(walked), len(set(walked))) == (sorted(found), len(walked))
    return found


async def listed(client: Client, *expected: str, **query: Any) -> None:
    """Once the list has these, in whatever order."""

    async def has() -> bool:
        return sorted(await ids(client, **query)) == sorted(expected)

    await eventually(has)


async def training(client: Client, id_: str, **expected: Any) -> dict[str, Any]:
    """Once it says what is expected."""

    async def says() -> dict[str, Any]:
        [item] = [each for each in (await client.get(TRAININGS, per_page=100)).data if each["id"] == id_] or [{}]
        assert {name: item.get(name) for name in expected} == expected
        return dict(item)

    return await eventually(says)


async def test_a_session_is_a_training(admin: Client) -> None:
    labels = [{"id": 3, "name": "Plant"}, {"id": 4, "name": "Safety"}]
    course = await new_course(admin, title="Forklift", description="How to drive", labels=labels)
    projects = [{"id": 5, "name": "Metro"}]
    session = await new_session(
        admin,
        course,
        session_name="July",
        location="Warehouse B",
        max_participants=3,
        projects=projects,
        **on("2090-07-01"),
    )
    people = [await new_employee(admin) for _ in range(4)]
    enrolled = await enroll(admin, session, *people[:3])
    assert (await admin.patch(f"{ENROLLMENTS}/{enrolled[0]}/cancel")).status == 200
    body = {"session_id": session, "employee_ids": people[3:], "waitlist": True}
    assert (await admin.post(ENROLLMENTS, body)).status == 201
    item = await training(admin, f"S{session}", occupied_seats=3)
    assert item == {
        "id": f"S{session}",
        "type": "offline",
        "name": "Forklift",
        "description": "How to drive",
        "status": "confirmed",
        "date": "2090-07-01T09:00:00+00:00",
        "venue": "Warehouse B",
        "total_seats": 3,
        "occupied_seats": 3,
        "self_register": True,
        "projects": ["Metro"],
        "labels": ["Plant", "Safety"],
    }


async def test_an_online_course_is_one_training_with_its_sessions(admin: Client) -> None:
    course = await new_course(admin, title="Ethics", **ONLINE)
    await training(admin, f"C{course}", date=None, total_seats=0, occupied_seats=0, self_register=False)
    for day, projects, seats in (("2091-02-01", (1, 2), 5), ("2090-02-01", (2, 3), 7)):
        named = [{"id": number, "name": f"P{number}"} for number in projects]
        session = await new_session(admin, course, projects=named, max_participants=seats, **on(day))
        await enroll(admin, session, await new_employee(admin))
    gone = await new_session(admin, course, projects=[{"id": 9, "name": "P9"}], max_participants=90, **on("2090-01-01"))
    assert (await admin.patch(f"{SESSIONS}/{gone}", {"status": "cancelled"})).status == 200
    item = await training(admin, f"C{course}", occupied_seats=2, total_seats=12)
    assert item == {
        "id": f"C{course}",
        "type": "online",
        "name": "Ethics",
        "description": None,
        "status": "confirmed",
        "date": "2090-02-01T09:00:00+00:00",
        "venue": None,
        "total_seats": 12,
        "occupied_seats": 2,
        "self_register": True,
        "projects": ["P1", "P2", "P3"],
        "labels": [],
    }
    assert await ids(admin) == [f"C{course}"]


async def test_what_is_deleted_is_listed_no_more(admin: Client) -> None:
    online, course = await new_course(admin, **ONLINE), await new_course(admin)
    session, kept = await new_session(admin, course), await new_session(admin, course)
    await listed(admin, f"C{online}", f"S{session}", f"S{kept}")
    assert (await admin.delete(f"{COURSES}/{online}")).status == 200
    assert (await admin.delete(f"{SESSIONS}/{session}")).status == 200
    await listed(admin, f"S{kept}")


async def test_a_course_that_changes_its_way_changes_its_kind(admin: Client) -> None:
    course = await new_course(admin)
    session = await new_session(admin, course)
    await listed(admin, f"S{session}")
    assert (await admin.patch(f"{COURSES}/{course}", ONLINE)).status == 200
    await listed(admin, f"C{course}")


@pytest.mark.parametrize(
    ("fields", "open_"),
    [
        ({}, True),
        ({"enrollment_opens_at": "2090-01-01T00:00:00Z"}, False),
        ({"enrollment_opens_at": "2020-01-01T00:00:00Z", "enrollment_closes_at": "2090-01-01T00:00:00Z"}, True),
        ({"enrollment_closes_at": "2020-01-01T00:00:00Z"}, False),
    ],
)
async def test_it_says_whether_one_can_be_enrolled_now(admin: Client, fields: dict[str, str], open_: bool) -> None:
    session = await new_session(admin, await new_course(admin), **on("2091-01-01"), **fields)
    online = await new_course(admin, **ONLINE)
    await new_session(admin, online, **on("2091-01-01"), **fields)
    await training(admin, f"S{session}", self_register=open_)
    await training(admin, f"C{online}", self_register=open_, date="2091-01-01T09:00:00+00:00")


async def world(admin: Client) -> Mapping[str, str]:
    """Trainings of each kind, by name."""
    label, project = [{"id": 2, "name": "b"}], [{"id": 9, "name": "y"}]
    course, labelled = await new_course(admin), await new_course(admin, labels=label)
    sessions = {
        "begun": await new_session(admin, course, **BEGUN),
        "to come": await new_session(admin, labelled, **on("2090-01-02")),
        "of project": await new_session(admin, course, projects=project, **on("2091-01-02")),
        "cancelled": await new_session(admin, labelled, **on("2090-06-01")),
        "done": await new_session(admin, course, **PAST),
    }
    for name, status in (("cancelled", "cancelled"), ("done", "in_progress"), ("done", "completed")):
        answer = await admin.patch(f"{SESSIONS}/{sessions[name]}", {"status": status})
        assert answer.status == 200, answer.text
    online = {"online": await new_course(admin, labels=label, **ONLINE), "undated": await new_course(admin, **ONLINE)}
    await new_session(admin, online["online"], projects=project, **on("2090-03-01"))
    named = {name: f"S{row}" for name, row in sessions.items()} | {name: f"C{row}" for name, row in online.items()}
    await listed(admin, *named.values())
    await training(admin, named["cancelled"], status="cancelled")
    await training(admin, named["done"], status="completed")
    await training(admin, named["online"], date="2090-03-01T09:00:00+00:00")
    return named


async def test_every_filter_finds_what_it_says(admin: Client) -> None:
    named = await world(admin)
    for query, expected in (
        ({"type": "offline"}, {"begun", "to come", "of project", "cancelled", "done"}),
        ({"type": "online"}, {"online", "undated"}),
        ({"type": "all", "status": "confirmed"}, {"begun", "to come", "of project", "online", "undated"}),
        ({"status": "completed"}, {"done"}),
        ({"status": "cancelled"}, {"cancelled"}),
        ({"status": "proposed"}, set()),
        ({"status": "upcoming"}, {"to come", "of project", "online"}),
        ({"status": "upcoming", "type": "online"}, {"online"}),
        ({"label_id": 2}, {"to come", "cancelled", "online"}),
        ({"project_id": 9}, {"of project", "online"}),
        ({"project_id": 9, "type": "offline"}, {"of project"}),
        ({"label_id": 2, "project_id": 9}, {"online"}),
        ({"label_id": 7}, set()),
        ({"date_from": "2090-01-02", "date_to": "2090-03-01"}, {"to come", "online"}),
        ({"date_to": "2025-07-01"}, {"begun", "done"}),
        ({"date_from": "2091-01-03"}, set()),
    ):
        assert set(await ids(admin, **query)) == {named[name] for name in expected}, query


async def test_the_newest_come_first_and_what_has_no_date_last(admin: Client) -> None:
    named = await world(admin)
    expected = [named[name] for name in ("of project", "cancelled", "online", "to come", "done", "begun", "undated")]
    assert await ids(admin) == expected
    for page, id_ in enumerate(expected, 1):
        answer = await admin.get(TRAININGS, page=page, per_page=1)
        assert [item["id"] for item in answer.data] == [id_]
        assert ("Link" in answer.headers) == (page < 7)


async def attended(admin: Client) -> tuple[list[int], list[str]]:
    """A worker of company 7, one of company 8 and a member of staff; the training of each, and one of nobody."""
    people = [await new_employee(admin, company={"id": company, "name": "C"}) for company in (7, 8)]
    people.append(await new_staff(admin))
    course, online = await new_course(admin), await new_course(admin, **ONLINE)
    sessions = [await new_session(admin, each) for each in (course, online, course, course)]
    for session, person in zip(sessions, people, strict=False):
        await enroll(admin, session, person)
    [cancelled] = await enroll(admin, sessions[3], people[0])
    assert (await admin.patch(f"{ENROLLMENTS}/{cancelled}/cancel")).status == 200
    trainings = [f"S{sessions[0]}", f"C{online}", f"S{sessions[2]}", f"S{sessions[3]}"]
    for id_ in trainings[:3]:
        await training(admin, id_, occupied_seats=1)
    await training(admin, trainings[3], occupied_seats=0)
    return people, trainings


async def test_trainings_are_found_by_who_attends(admin: Client) -> None:
    people, trainings = await attended(admin)
    for person, id_ in zip(people, trainings, strict=False):
        await listed(admin, id_, person_id=person)
    await listed(admin, *trainings[:2], entity_type="employee")
    await listed(admin, trainings[2], entity_type="staff")
    await listed(admin, trainings[2], entity_type="staff", person_id=people[2])
    assert await ids(admin, entity_type="staff", person_id=people[0]) == []
    assert await ids(admin, person_id=2**50) == []
    assert await ids(admin, person_id=people[1], type="offline") == []


@pytest.mark.parametrize(
    ("claims", "seen"),
    [
        ({"permissions": ["training.view"]}, {0, 1, 2}),
        ({"permissions": ["training.view"], "user_type": "contractor"}, {2}),
        ({"permissions": ["training.view.self"]}, {2}),
        ({"permissions": ["training.view.company"]}, {0}),
        ({"permissions": ["training.view.company", "training.view.self"]}, {0, 2}),
    ],
    ids=str,
)
async def test_who_attends_is_shown_of_those_in_sight_alone(
    stack: Stack, admin: Client, organisation: int, claims: dict[str, Any], seen: set[int]
) -> None:
    people, trainings = await attended(admin)
    permissions = ["api.access", *claims["permissions"]]
    sees = {"employee_id": people[2], "company_ids": [7], **claims, "permissions": permissions}
    client = stack.client(organisation, **sees)
    assert sorted(await ids(client)) == sorted(trainings)
    for place, person in enumerate(people):
        await listed(client, *([trainings[place]] if place in seen else []), person_id=person)
    await listed(client, *(trainings[place] for place in seen & {0, 1}), entity_type="employee")
    await listed(client, *(trainings[place] for place in seen & {2}), entity_type="staff")


async def test_a_training_has_changed_when_its_course_a_session_or_a_record_has(admin: Client) -> None:
    course, online, other = await new_course(admin), await new_course(admin, **ONLINE), await new_course(admin)
    session, of_online = await new_session(admin, course), await new_session(admin, online)
    await new_session(admin, other)
    await training(admin, f"C{online}", total_seats=20)
    await eventually(lambda: _count(admin, 3))
    for change, expected in (
        (lambda: admin.patch(f"{COURSES}/{course}", {"title": "Other"}), [f"S{session}"]),
        (lambda: admin.patch(f"{COURSES}/{online}", {"title": "Other"}), [f"C{online}"]),
        (lambda: admin.patch(f"{SESSIONS}/{session}", {"location": "Other"}), [f"S{session}"]),
        (lambda: admin.patch(f"{SESSIONS}/{of_online}", {"max_participants": 30}), [f"C{online}"]),
        (lambda: _enrolled(admin, of_online), [f"C{online}"]),
        (lambda: _enrolled(admin, session), [f"S{session}"]),
    ):
        since = (datetime.now(UTC) + REACH_BACK).isoformat()
        assert await ids(admin, updated_since=since) == []
        await change()
        await listed(admin, *expected, updated_since=since)


async def _count(admin: Client, count: int) -> bool:
    return len(await ids(admin)) == count


async def _enrolled(admin: Client, session: int) -> None:
    await enroll(admin, session, await new_employee(admin))


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"type": "hybrid"}, "type"),
        ({"status": "scheduled"}, "status"),
        ({"entity_type": "contractor"}, "entity_type"),
        ({"person_id": "0"}, "person_id"),
        ({"date_from": "2025-07-02", "date_to": "2025-07-01"}, "date_to"),
        ({"company_id": "1"}, "company_id"),
        ({"per_page": "101"}, "per_page"),
    ],
)
async def test_a_filter_with_a_wrong_value_is_refused(admin: Client, query: dict[str, str], named: str) -> None:
    answer = await admin.get(TRAININGS, **query)
    assert (answer.status, answer.json["code"], list(answer.json["errors"])) == (422, "validation_failed", [named])
