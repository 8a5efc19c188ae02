"""The audit trails of courses, sessions, people and settings: who changed what, when and in which request."""

import asyncio
import secrets
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from shared.postgres import audit_trail
from shared.postgres.pool import Connection, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.client import Client, new_organisation
from tests.support.stack import Stack
from tests.support.world import (
    COURSES,
    EMPLOYEES,
    SESSIONS,
    STAFF,
    enroll,
    new_course,
    new_employee,
    new_enrollment,
    new_session,
)

SETTINGS = "/api/v1/training/settings"
Entry = dict[str, Any]


async def entries(client: Client, path: str) -> list[Entry]:
    answer = await client.get(f"{path}/audit")
    assert answer.status == 200, answer.text
    return list(answer.data)


def told(entry: Entry) -> tuple[int, str, str, str]:
    return entry["version"], entry["action"], entry["changed_by"]["subject"], entry["request_id"]


def clerk(stack: Stack, organisation: int) -> Client:
    return stack.client(organisation, sub="clerk-7", name="Cleo Clerk")


async def test_a_course_from_its_creation_to_its_deletion(stack: Stack, admin: Client, organisation: int) -> None:
    client = clerk(stack, organisation)
    body = {"title": "First Aid", "category": "safety", "delivery_mode": "online", "duration_hours": 1.5}
    created = await client.post(COURSES, body, **{"X-Request-Id": "request-0001"})
    path = f"{COURSES}/{created.data['id']}"
    change = {"title": "First Aid 2", "cost_per_participant": 12.5}
    await client.patch(path, change, **{"X-Request-Id": "request-0002"})
    await client.patch(path, change, **{"X-Request-Id": "request-0003"})  # nothing changes
    await client.request("DELETE", path, headers={"X-Request-Id": "request-0004"})
    assert (await admin.get(path)).status == 404
    first, second, third = await entries(admin, path)
    assert [told(entry) for entry in (first, second, third)] == [
        (1, "course.saved", "clerk-7", "request-0001"),
        (2, "course.saved", "clerk-7", "request-0002"),
        (3, "course.removed", "clerk-7", "request-0004"),
    ]
    assert first["changes"]["duration_hours"] == {"from": None, "to": 1.5}
    assert second["changes"] == {
        "title": {"from": "First Aid", "to": "First Aid 2"},
        "cost_per_participant": {"from": 0, "to": 12.5},
    }
    assert second["changed_by"] == {"subject": "clerk-7", "name": "Cleo Clerk"}
    assert third["changes"]["title"] == {"from": "First Aid 2", "to": None}


async def test_a_session_and_the_places_taken_in_it(stack: Stack, admin: Client, organisation: int) -> None:
    """What enrollments change of a session is no change of anybody's here."""
    client, course_id = clerk(stack, organisation), await new_course(admin)
    path = f"{SESSIONS}/{await new_session(client, course_id)}"
    await enroll(admin, int(path.rpartition("/")[2]), await new_employee(admin))
    await client.patch(path, {"max_participants": 5, "facilitator": {"id": 3, "full_name": "Fay"}})
    await client.patch(path, {"max_participants": 5})
    first, second = await entries(admin, path)
    assert (first["version"], first["action"]) == (1, "session.saved")
    assert first["changes"]["start_date"] == {"from": None, "to": "2030-05-15T09:00:00Z"}
    assert second["changes"] == {
        "max_participants": {"from": 20, "to": 5},
        "facilitator": {"from": None, "to": {"id": 3, "full_name": "Fay"}},
    }


async def test_deleting_a_course_is_told_of_each_of_its_sessions(
    stack: Stack, admin: Client, organisation: int
) -> None:
    course_id = await new_course(admin)
    sessions = [await new_session(admin, course_id) for _ in range(2)]
    client = clerk(stack, organisation)
    path = f"{COURSES}/{course_id}"
    assert (await client.request("DELETE", path, headers={"X-Request-Id": "request-0009"})).status == 200
    for session_id in sessions:
        entry = (await entries(admin, f"{SESSIONS}/{session_id}"))[-1]
        assert told(entry) == (2, "session.removed", "clerk-7", "request-0009")
        assert entry["changes"]["location"] == {"from": "Training Room A", "to": None}


@pytest.mark.parametrize("collection", [EMPLOYEES, STAFF])
async def test_a_person_who_leaves_and_comes_back(
    stack: Stack, admin: Client, organisation: int, collection: str
) -> None:
    client, path = clerk(stack, organisation), f"{collection}/{secrets.randbelow(2**40) + 1}"
    for name in ("John Doe", "John Doe", "John Roe"):
        await client.put(path, {"employee_id": "E-1", "full_name": name})
    await client.request("DELETE", path)
    assert len(await entries(admin, path)) == 3  # removed, and readable still
    await client.put(path, {"employee_id": "E-1", "full_name": "John Roe"})
    trail = await entries(admin, path)
    assert [(entry["version"], entry["action"]) for entry in trail] == [
        (1, "employee.saved"),
        (2, "employee.saved"),
        (3, "employee.removed"),
        (4, "employee.saved"),
    ]
    assert [entry["changes"] for entry in trail[1:]] == [
        {"full_name": {"from": "John Doe", "to": "John Roe"}},
        {"removed": {"from": False, "to": True}},
        {"removed": {"from": True, "to": False}},
    ]
    other = STAFF if collection == EMPLOYEES else EMPLOYEES
    assert (await admin.get(path.replace(collection, other) + "/audit")).status == 404


async def test_the_settings(stack: Stack, admin: Client, organisation: int) -> None:
    assert await entries(admin, SETTINGS) == []
    client = clerk(stack, organisation)
    for zone in ("Europe/Berlin", "Europe/Berlin", "UTC"):
        await client.put(SETTINGS, {"time_zone": zone})
    trail = await entries(admin, SETTINGS)
    assert [(entry["version"], entry["action"], entry["changes"]) for entry in trail] == [
        (2, "settings.saved", {"time_zone": {"from": "UTC", "to": "Europe/Berlin"}}),
        (3, "settings.saved", {"time_zone": {"from": "Europe/Berlin", "to": "UTC"}}),
    ]
    assert await entries(stack.client(new_organisation()), SETTINGS) == []


async def test_a_trail_comes_in_pages_oldest_first(admin: Client) -> None:
    path = f"{COURSES}/{await new_course(admin)}"
    for number in range(6):
        await admin.patch(path, {"title": f"Title {number}"})
    answer = await admin.get(f"{path}/audit", per_page=3, page=2)
    assert [entry["version"] for entry in answer.data] == [4, 5, 6]
    assert (answer.json["meta"]["total"], answer.json["meta"]["last_page"]) == (7, 3)


async def test_a_refused_change_leaves_no_entry(admin: Client) -> None:
    await new_enrollment(admin)
    course = (await admin.get(COURSES)).data[0]
    path = f"{COURSES}/{course['id']}"
    assert (await admin.request("DELETE", path)).status == 409
    assert (await admin.patch(path, {"title": ""})).status == 422
    assert (await admin.patch(path, {"title": "New"}, **{"If-Match": '"7-00000000"'})).status == 412
    assert len(await entries(admin, path)) == 1


async def test_a_repeated_request_leaves_one_entry(admin: Client) -> None:
    body = {"title": "First Aid", "category": "safety", "delivery_mode": "online", "duration_hours": 1}
    answers = [await admin.post(COURSES, body, **{"Idempotency-Key": "a-key-of-this-test"}) for _ in range(2)]
    assert answers[0].data == answers[1].data
    assert len(await entries(admin, f"{COURSES}/{answers[0].data['id']}")) == 1


async def test_the_trail_of_a_row_from_before_trails_begins_with_its_next_change(stack: Stack, admin: Client) -> None:
    course_id = await new_course(admin, title="Old")
    async with connection_pool(stack.catalog_database_url, name="test", size=1) as pool:
        await pool.execute("DELETE FROM audit_trail WHERE kind = 'course' AND id = $1", course_id)
    path = f"{COURSES}/{course_id}"
    assert await entries(admin, path) == []
    await admin.patch(path, {"title": "New"})
    [entry] = await entries(admin, path)
    assert (entry["version"], entry["changes"]) == (2, {"title": {"from": "Old", "to": "New"}})


CHANGES: dict[str, Callable[[Client, dict[str, int]], Any]] = {
    "catalog": lambda client, ids: client.patch(f"{COURSES}/{ids['course']}", {"title": "Not kept"}),
    "enrollment": lambda client, ids: client.put(
        f"{EMPLOYEES}/{ids['person']}", {"employee_id": "E", "full_name": "Not Kept"}
    ),
}


@pytest.mark.parametrize("service", CHANGES)
async def test_a_change_whose_entry_cannot_be_written_is_not_made(stack: Stack, admin: Client, service: str) -> None:
    """Row, event and entry are one transaction. The row's next entry is there already, as no row's ever is."""
    assert not await changed_in_spite_of_a_broken_trail(stack, admin, service)


@pytest.mark.parametrize("service", CHANGES)
async def test_control_without_the_entry_in_the_transaction_the_change_is_made(
    stack: Stack, admin: Client, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_trail, "entries_json", lambda _: "[]")
    assert await changed_in_spite_of_a_broken_trail(stack, admin, service)


async def changed_in_spite_of_a_broken_trail(stack: Stack, admin: Client, service: str) -> bool:
    ids = {"course": await new_course(admin), "person": await new_employee(admin)}
    path = f"{COURSES}/{ids['course']}" if service == "catalog" else f"{EMPLOYEES}/{ids['person']}"
    url = stack.catalog_database_url if service == "catalog" else stack.enrollment_database_url
    async with connection_pool(url, name="test", size=1) as pool, transaction(pool, EVERY_ORGANISATION) as connection:
        await _take_next_version(connection, list(ids.values()))
    before = await admin.get(path)
    answer = await CHANGES[service](admin, ids)
    assert answer.status in (200, 500)
    return bool((await admin.get(path)).json != before.json)


async def _take_next_version(connection: Connection, ids: list[int]) -> None:
    await connection.execute(
        """
        INSERT INTO audit_trail (organisation_id, kind, id, version, action, actor_subject, actor_name, request_id,
            changes)
        SELECT organisation_id, kind, id, version + 1, action, actor_subject, actor_name, request_id, changes
        FROM audit_trail WHERE id = ANY($1)
        """,
        ids,
    )


async def test_changes_at_once_have_an_entry_each(admin: Client) -> None:
    path = f"{COURSES}/{await new_course(admin)}"
    await asyncio.gather(*(admin.patch(path, {"title": f"Title {number}"}) for number in range(8)))
    trail = await entries(admin, path)
    versions = [entry["version"] for entry in trail]
    assert versions == list(range(1, len(trail) + 1))
    for before, after in pairwise(trail):
        assert after["changes"]["title"]["from"] == before["changes"]["title"]["to"]
