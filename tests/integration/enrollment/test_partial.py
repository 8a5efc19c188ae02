"""Enrolling those who can be (contract, section 4): `"partial": true` enrolls them and names the others."""

from typing import Any

import pytest

from tests.support.client import Answer, Client
from tests.support.world import (
    ENROLLMENTS,
    SESSIONS,
    ask_to_enroll,
    course_with_prerequisite,
    enroll,
    new_course,
    new_employee,
    new_employees,
    new_session,
)

NOBODY = 2**62
ALREADY = "The employee is already enrolled in this session."
UNKNOWN = "The selected employee does not exist."
FULL = "Session is at capacity. Only 1 spot remaining. You requested 3 enrollments."


@pytest.fixture
async def session_id(admin: Client) -> int:
    return await new_session(admin, await new_course(admin), max_participants=3)


async def ask(
    client: Client, session_id: int, *people: int, headers: dict[str, str] | None = None, **fields: Any
) -> Answer:
    body = {"session_id": session_id, "employee_ids": list(people), "partial": True, **fields}
    return await client.post(ENROLLMENTS, body, **(headers or {}))


async def total(client: Client, session_id: int) -> int:
    return int((await client.get(ENROLLMENTS, session_id=session_id)).json["meta"]["total"])


async def test_who_can_be_is_enrolled_and_the_others_are_named(admin: Client, session_id: int) -> None:
    first, there, last = await new_employees(admin, 3)
    await enroll(admin, session_id, there)
    answer = await ask(admin, session_id, NOBODY, first, there, last)
    assert answer.status == 201, answer.text
    assert answer.json["message"] == "2 employees enrolled successfully, 2 refused"
    assert [item["employee_id"] for item in answer.data["enrollments"]] == [first, last]
    assert (answer.data["enrolled_count"], answer.data["session_available_spots"]) == (2, 0)
    assert answer.data["refused"] == [
        {"employee_id": NOBODY, "code": "validation_failed", "message": UNKNOWN},
        {"employee_id": there, "code": "already_enrolled", "message": ALREADY},
    ]
    assert await total(admin, session_id) == 3


async def test_where_nobody_is_refused_the_list_of_the_refused_is_empty(admin: Client, session_id: int) -> None:
    answer = await ask(admin, session_id, await new_employee(admin))
    assert (answer.status, answer.data["refused"]) == (201, [])
    assert answer.json["message"] == "1 employee enrolled successfully"


async def test_the_seats_go_to_the_first_who_can_be_enrolled(admin: Client, session_id: int) -> None:
    await enroll(admin, session_id, *await new_employees(admin, 2))
    people = sorted(await new_employees(admin, 3), reverse=True)
    answer = await ask(admin, session_id, NOBODY, *people)
    assert [item["employee_id"] for item in answer.data["enrollments"]] == people[:1]
    assert answer.data["refused"] == [
        {"employee_id": NOBODY, "code": "validation_failed", "message": UNKNOWN},
        *({"employee_id": person, "code": "session_full", "message": FULL} for person in people[1:]),
    ]


async def test_with_a_waitlist_those_who_do_not_fit_wait(admin: Client, session_id: int) -> None:
    await enroll(admin, session_id, *await new_employees(admin, 2))
    people = await new_employees(admin, 2)
    answer = await ask(admin, session_id, people[0], NOBODY, people[1], waitlist=True)
    assert answer.json["message"] == "1 employee enrolled successfully, 1 put on the waitlist, 1 refused"
    assert [item["status"] for item in answer.data["enrollments"]] == ["enrolled", "waitlisted"]
    assert answer.data["enrollments"][1]["waitlist_position"] == 1
    assert [refused["employee_id"] for refused in answer.data["refused"]] == [NOBODY]


async def test_who_lacks_a_prerequisite_is_named_with_it(admin: Client) -> None:
    basics, advanced = await course_with_prerequisite(admin)
    prepared, unprepared = await new_employees(admin, 2)
    await admin.patch(f"{SESSIONS}/{basics}", {"start_date": "2020-05-15T09:00:00Z"})
    [enrollment_id] = await enroll(admin, basics, prepared)
    assert (await admin.patch(f"{ENROLLMENTS}/{enrollment_id}/complete")).status == 200
    answer = await ask(admin, advanced, unprepared, prepared)
    assert [item["employee_id"] for item in answer.data["enrollments"]] == [prepared]
    message = "The employee has not completed: Basics."
    assert answer.data["refused"] == [
        {"employee_id": unprepared, "code": "prerequisite_missing", "message": message},
    ]


async def test_where_nobody_can_be_enrolled_all_are_refused_as_without_it(admin: Client, session_id: int) -> None:
    there = await new_employee(admin)
    await enroll(admin, session_id, there)
    partial, whole = await ask(admin, session_id, there, NOBODY), await ask_to_enroll(admin, session_id, there, NOBODY)
    assert (partial.status, partial.json) == (422, whole.json)
    assert (whole.json["code"], whole.json["message"]) == ("validation_failed", "The given data was invalid.")
    assert whole.json["errors"] == {"employee_ids.0": [ALREADY], "employee_ids.1": [UNKNOWN]}


async def test_without_it_all_kinds_of_refusal_are_named_and_nobody_is_enrolled(admin: Client, session_id: int) -> None:
    there, *people = await new_employees(admin, 4)
    await enroll(admin, session_id, there)
    answer = await ask_to_enroll(admin, session_id, *people, there)
    full = "Session is at capacity. Only 2 spots remaining. You requested 3 enrollments."
    assert answer.json == {
        "success": False,
        "message": "The given data was invalid.",
        "code": "already_enrolled",
        "errors": {"employee_ids.3": [ALREADY], "session_id": [full]},
        "available_spots": 2,
        "requested": 3,
    }
    assert await total(admin, session_id) == 1


async def test_what_was_done_is_kept_for_its_key_with_those_who_were_refused(admin: Client, session_id: int) -> None:
    person, headers = await new_employee(admin), {"Idempotency-Key": "partial"}
    first = await ask(admin, session_id, person, NOBODY, headers=headers)
    again = await ask(admin, session_id, person, NOBODY, headers=headers)
    assert (first.status, again.status, again.text) == (201, 201, first.text)
    assert await total(admin, session_id) == 1


@pytest.mark.parametrize("partial", ["true", 1, None])
async def test_it_is_true_or_false(admin: Client, session_id: int, partial: Any) -> None:
    answer = await ask(admin, session_id, await new_employee(admin), partial=partial)
    assert (answer.status, list(answer.json["errors"])) == (422, ["partial"])
