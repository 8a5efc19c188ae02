"""Creating and changing sessions (contract, section 3)."""

from typing import Any

import pytest

from tests.support.client import Client, new_organisation
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.world import COURSES, ENROLLMENTS, SESSIONS, enroll, new_course, new_employees, new_session

NEEDED = {
    "session_name": "May Cohort",
    "start_date": "2030-05-15T09:00:00Z",
    "end_date": "2030-05-15T17:00:00Z",
    "max_participants": 20,
}
MOVES = {
    ("scheduled", "in_progress"),
    ("scheduled", "cancelled"),
    ("in_progress", "completed"),
    ("in_progress", "cancelled"),
}
WAY_TO = {
    "scheduled": [],
    "in_progress": ["in_progress"],
    "completed": ["in_progress", "completed"],
    "cancelled": ["cancelled"],
}


async def session_that_is(client: Client, status: str) -> int:
    session_id = await new_session(client, await new_course(client))
    for step in WAY_TO[status]:
        answer = await client.patch(f"{SESSIONS}/{session_id}", {"status": step})
        assert answer.status == 200, answer.text
    return session_id


async def test_a_new_session_is_answered_with_all_of_it(admin: Client) -> None:
    course_id = await new_course(admin, title="First Aid")
    more = {
        "location": "Room 1",
        "facilitator": {"id": 10, "full_name": "Sarah Williams"},
        "projects": [{"id": 5, "name": "Metro"}],
    }
    answer = await admin.post(SESSIONS, {**NEEDED, **more, "course_id": course_id})
    assert answer.status == 201, answer.text
    session_id = answer.data["id"]
    assert answer.headers["Location"] == f"{SESSIONS}/{session_id}"
    assert answer.data == {
        "id": session_id,
        "course": {"id": course_id, "title": "First Aid"},
        "session_name": "May Cohort",
        "start_date": "2030-05-15T09:00:00.000000Z",
        "end_date": "2030-05-15T17:00:00.000000Z",
        **more,
        "max_participants": 20,
        "enrolled_count": 0,
        "available_spots": 20,
        "status": "scheduled",
        "enrollment_opens_at": None,
        "enrollment_closes_at": None,
        "external_id": None,
    }
    assert (await admin.get(answer.headers["Location"])).data == answer.data
    assert (await admin.get(f"{COURSES}/{course_id}")).data["total_sessions"] == 1


@pytest.mark.parametrize("field", ["course_id", *NEEDED])
async def test_a_session_needs_it(admin: Client, field: str) -> None:
    body = {**NEEDED, "course_id": await new_course(admin)}
    del body[field]
    answer = await admin.post(SESSIONS, body)
    assert (answer.status, answer.json["errors"]) == (422, {field: ["This field is required."]})


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("session_name", "", "session_name"),
        ("start_date", "2030-05-15", "start_date"),
        ("start_date", "2030-05-15T09:00:00", "start_date"),
        ("start_date", "2030-02-30T09:00:00Z", "start_date"),
        ("start_date", 1_900_000_000, "start_date"),
        ("start_date", "2030-05-15T17:00:00Z", "end_date"),
        ("end_date", "2030-05-15T09:00:00Z", "end_date"),
        ("end_date", "2030-05-15T08:59:59.999999Z", "end_date"),
        ("end_date", "2030-05-15T18:00:00+10:00", "end_date"),
        ("location", "", "location"),
        ("location", 5, "location"),
        ("max_participants", 0, "max_participants"),
        ("max_participants", -5, "max_participants"),
        ("max_participants", 100_001, "max_participants"),
        ("max_participants", 20.0, "max_participants"),
        ("max_participants", "20", "max_participants"),
        ("max_participants", True, "max_participants"),
        ("facilitator", {"id": 10}, "facilitator.full_name"),
        ("facilitator", {"id": 0, "full_name": "x"}, "facilitator.id"),
        ("facilitator", "Sarah", "facilitator"),
        ("projects", [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}], "projects"),
        ("status", "planned", "status"),
    ],
)
async def test_a_wrong_value_is_refused_in_creation_and_change(
    admin: Client, field: str, value: Any, named: str
) -> None:
    course_id = await new_course(admin)
    session_id = await new_session(admin, course_id)
    created = await admin.post(SESSIONS, {**NEEDED, "course_id": course_id, field: value})
    changed = await admin.patch(f"{SESSIONS}/{session_id}", {field: value})
    for answer in (created, changed):
        assert (answer.status, list(answer.json["errors"])) == (422, [named]), answer.text


async def test_a_session_of_an_unknown_course_is_refused(stack: Stack, admin: Client) -> None:
    theirs = await new_course(stack.client(new_organisation()))
    for course_id in (2**62, theirs):
        answer = await admin.post(SESSIONS, {**NEEDED, "course_id": course_id})
        assert answer.json["errors"] == {"course_id": ["The selected course does not exist."]}


async def test_the_course_of_a_session_stays(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin))
    answer = await admin.patch(f"{SESSIONS}/{session_id}", {"course_id": await new_course(admin)})
    assert (answer.status, list(answer.json["errors"])) == (422, ["course_id"])


@pytest.mark.parametrize("status", ["in_progress", "completed", "cancelled"])
async def test_a_new_session_is_scheduled(admin: Client, status: str) -> None:
    body = {**NEEDED, "course_id": await new_course(admin), "status": status}
    answer = await admin.post(SESSIONS, body)
    assert (answer.status, list(answer.json["errors"])) == (422, ["status"])


@pytest.mark.parametrize("wanted", WAY_TO)
@pytest.mark.parametrize("current", WAY_TO)
async def test_a_status_moves_forwards_alone(admin: Client, current: str, wanted: str) -> None:
    session_id = await session_that_is(admin, current)
    answer = await admin.patch(f"{SESSIONS}/{session_id}", {"status": wanted})
    if (current, wanted) in MOVES or current == wanted:
        assert (answer.status, answer.data["status"]) == (200, wanted)
    else:
        assert (answer.status, answer.json["code"]) == (409, "conflict")


@pytest.mark.parametrize(("field", "value"), [("location", None), ("facilitator", None), ("projects", [])])
async def test_null_clears(admin: Client, field: str, value: Any) -> None:
    full = {"facilitator": {"id": 1, "full_name": "S"}, "projects": [{"id": 1, "name": "P"}]}
    session_id = await new_session(admin, await new_course(admin), **full)
    answer = await admin.patch(f"{SESSIONS}/{session_id}", {field: None})
    assert (answer.status, answer.data[field]) == (200, value)


async def test_an_object_inside_is_merged_too(admin: Client) -> None:
    facilitator = {"id": 1, "full_name": "Sarah"}
    session_id = await new_session(admin, await new_course(admin), facilitator=facilitator)
    answer = await admin.patch(f"{SESSIONS}/{session_id}", {"facilitator": {"full_name": "Sarah Williams"}})
    assert answer.data["facilitator"] == {"id": 1, "full_name": "Sarah Williams"}


async def session_with(client: Client, enrolled: int, places: int) -> int:
    """Once the catalog has counted them."""
    session_id = await new_session(client, await new_course(client), max_participants=places)
    await enroll(client, session_id, *await new_employees(client, enrolled))

    async def counted() -> bool:
        return bool((await client.get(f"{SESSIONS}/{session_id}")).data["enrolled_count"] == enrolled)

    await eventually(counted)
    return session_id


async def test_the_capacity_cannot_fall_below_the_seats_taken(admin: Client) -> None:
    session_id = await session_with(admin, enrolled=3, places=5)
    refused = await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": 2})
    assert (refused.status, refused.json["code"]) == (422, "capacity_below_enrolled")
    assert list(refused.json["errors"]) == ["max_participants"]
    answer = await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": 3})
    assert (answer.status, answer.data["available_spots"]) == (200, 0)


async def test_a_new_capacity_counts_for_the_next_enrollment(admin: Client) -> None:
    session_id = await session_with(admin, enrolled=1, places=1)
    [person] = await new_employees(admin, 1)
    await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": 2})

    async def enrolled() -> bool:
        answer = await admin.post(ENROLLMENTS, {"session_id": session_id, "employee_ids": [person]})
        assert answer.status == 201
        return True

    await eventually(enrolled)


async def test_available_spots_are_never_negative(admin: Client) -> None:
    session_id = await session_with(admin, enrolled=2, places=2)
    assert (await admin.get(f"{SESSIONS}/{session_id}")).data["available_spots"] == 0


async def test_cancelling_a_session_cancels_its_enrollments(admin: Client) -> None:
    session_id = await session_with(admin, enrolled=2, places=2)
    await admin.patch(f"{SESSIONS}/{session_id}", {"status": "cancelled"})

    async def cancelled() -> bool:
        enrollments = (await admin.get(ENROLLMENTS, session_id=session_id)).data
        return {enrollment["status"] for enrollment in enrollments} == {"cancelled"}

    await eventually(cancelled)


async def test_a_change_of_an_older_version_is_refused(admin: Client) -> None:
    course = f"{COURSES}/{await new_course(admin)}"
    old = {"If-Match": (await admin.get(course)).headers["ETag"]}
    first = await admin.patch(course, {"title": "A"}, **old)
    second = await admin.patch(course, {"title": "B"}, **old)
    assert (first.status, second.status) == (200, 412)
