"""Enrolling people (contract, section 4): all or nobody, and every refusal of the table."""

from typing import Any

import pytest

from shared.postgres.pool import connected, connection_pool
from tests.support.client import Client, new_organisation
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.world import (
    BEGUN,
    COURSES,
    ENROLLMENTS,
    SESSIONS,
    ask_to_enroll,
    enroll,
    new_course,
    new_employee,
    new_employees,
    new_session,
    new_staff,
)


async def total_enrollments(client: Client, session_id: int) -> int:
    return int((await client.get(ENROLLMENTS, session_id=session_id)).json["meta"]["total"])


@pytest.fixture
async def session_id(admin: Client) -> int:
    return await new_session(admin, await new_course(admin), max_participants=3)


async def test_people_are_enrolled_in_the_order_asked(admin: Client, session_id: int) -> None:
    people = sorted(await new_employees(admin, 3), reverse=True)
    answer = await ask_to_enroll(admin, session_id, *people)
    assert answer.status == 201, answer.text
    assert answer.json["message"] == "3 employees enrolled successfully"
    assert [enrollment["employee_id"] for enrollment in answer.data["enrollments"]] == people
    assert {enrollment["status"] for enrollment in answer.data["enrollments"]} == {"enrolled"}
    assert (answer.data["enrolled_count"], answer.data["session_available_spots"]) == (3, 0)


async def test_one_person_is_one_employee(admin: Client, session_id: int) -> None:
    answer = await ask_to_enroll(admin, session_id, await new_employee(admin))
    assert answer.json["message"] == "1 employee enrolled successfully"


async def test_staff_and_employees_can_be_enrolled_together(admin: Client, session_id: int) -> None:
    assert (await ask_to_enroll(admin, session_id, await new_employee(admin), await new_staff(admin))).status == 201


@pytest.mark.parametrize(
    ("taken", "asked", "message"),
    [
        (1, 3, "Session is at capacity. Only 2 spots remaining. You requested 3 enrollments."),
        (2, 2, "Session is at capacity. Only 1 spot remaining. You requested 2 enrollments."),
        (3, 1, "Session is at capacity. Only 0 spots remaining. You requested 1 enrollment."),
        (0, 4, "Session is at capacity. Only 3 spots remaining. You requested 4 enrollments."),
    ],
)
async def test_a_full_session_says_how_many_spots_remain(
    admin: Client, session_id: int, taken: int, asked: int, message: str
) -> None:
    if taken:
        await enroll(admin, session_id, *await new_employees(admin, taken))
    answer = await ask_to_enroll(admin, session_id, *await new_employees(admin, asked))
    assert (answer.status, answer.json) == (
        422,
        {
            "success": False,
            "message": message,
            "code": "session_full",
            "available_spots": 3 - taken,
            "requested": asked,
        },
    )
    assert await total_enrollments(admin, session_id) == taken


async def test_an_unknown_session_is_refused(stack: Stack, admin: Client) -> None:
    stranger = stack.client(new_organisation())
    theirs = await new_session(stranger, await new_course(stranger))
    person = await new_employee(admin)
    for session_id in (2**62, theirs):
        answer = await ask_to_enroll(admin, session_id, person)
        assert answer.status == 422
        assert answer.json["errors"] == {"session_id": ["The selected session does not exist."]}


async def test_an_unknown_employee_is_named_by_position(stack: Stack, admin: Client, session_id: int) -> None:
    theirs = await new_employee(stack.client(new_organisation()))
    answer = await ask_to_enroll(admin, session_id, await new_employee(admin), theirs, 2**62)
    assert answer.status == 422
    assert answer.json["errors"] == {
        "employee_ids.1": ["The selected employee does not exist."],
        "employee_ids.2": ["The selected employee does not exist."],
    }
    assert await total_enrollments(admin, session_id) == 0


async def test_nobody_is_enrolled_twice(admin: Client, session_id: int) -> None:
    first, second = await new_employees(admin, 2)
    await enroll(admin, session_id, second)
    answer = await ask_to_enroll(admin, session_id, first, second)
    assert (answer.status, answer.json["code"]) == (422, "already_enrolled")
    assert answer.json["errors"] == {"employee_ids.1": ["The employee is already enrolled in this session."]}
    assert await total_enrollments(admin, session_id) == 1


async def test_somebody_who_cancelled_can_be_enrolled_again(admin: Client, session_id: int) -> None:
    person = await new_employee(admin)
    [first] = await enroll(admin, session_id, person)
    await admin.patch(f"{ENROLLMENTS}/{first}/cancel")
    [second] = await enroll(admin, session_id, person)
    assert second != first
    statuses = {item["id"]: item["status"] for item in (await admin.get(ENROLLMENTS, session_id=session_id)).data}
    assert statuses == {first: "cancelled", second: "enrolled"}


@pytest.mark.parametrize("moves", [["cancelled"], ["in_progress", "completed"]])
async def test_a_closed_session_takes_nobody(admin: Client, session_id: int, moves: list[str]) -> None:
    person = await new_employee(admin)
    await enroll(admin, session_id, person)
    for status in moves:
        await admin.patch(f"{SESSIONS}/{session_id}", {"status": status})

    async def refused() -> bool:
        # Until the session's event arrives, this is refused for another reason: so nothing changes meanwhile.
        answer = await ask_to_enroll(admin, session_id, person)
        assert (answer.status, answer.json["code"]) == (422, "session_closed")
        return True

    await eventually(refused)


async def test_a_session_in_progress_still_takes_people(admin: Client, session_id: int) -> None:
    await admin.patch(f"{SESSIONS}/{session_id}", {"status": "in_progress"})
    assert (await ask_to_enroll(admin, session_id, await new_employee(admin))).status == 201


@pytest.mark.parametrize(
    ("employee_ids", "named"),
    [
        ([], "employee_ids"),
        ([1, 1], "employee_ids"),
        (list(range(1, 502)), "employee_ids"),
        ([0], "employee_ids.0"),
        ([1, "2"], "employee_ids.1"),
        ([1, 2.0], "employee_ids.1"),
        ([True], "employee_ids.0"),
        ([None], "employee_ids.0"),
        ([2**63], "employee_ids.0"),
        (1, "employee_ids"),
        (None, "employee_ids"),
        ({"0": 1}, "employee_ids"),
    ],
)
async def test_a_wrong_list_of_employees_is_refused(
    admin: Client, session_id: int, employee_ids: Any, named: str
) -> None:
    answer = await admin.post(ENROLLMENTS, {"session_id": session_id, "employee_ids": employee_ids})
    assert (answer.status, list(answer.json["errors"])) == (422, [named])


async def test_500_people_can_be_enrolled_at_once(stack: Stack, admin: Client, organisation: int) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=500)
    async with connection_pool(stack.enrollment_database_url, name="test") as pool, connected(pool) as connection:
        await connection.execute(
            "INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)"
            " SELECT $1::bigint, id, 'employee', 'E-' || id, 'John Doe', now() FROM generate_series(1, 500) AS id",
            organisation,
        )
    people = list(range(500, 0, -1))
    answer = await ask_to_enroll(admin, session_id, *people)
    assert (answer.status, answer.data["session_available_spots"]) == (201, 0)
    assert [item["employee_id"] for item in answer.data["enrollments"]] == people


async def test_who_may_enroll_themselves_may_enroll_nobody_else(
    stack: Stack, admin: Client, organisation: int, session_id: int
) -> None:
    own, other = await new_employees(admin, 2)
    permissions = ["api.access", "training.view", "training.enroll.self"]
    employee = stack.client(organisation, permissions=permissions, employee_id=own)
    for people in ([other], [own, other]):
        refused = await ask_to_enroll(employee, session_id, *people)
        assert (refused.status, refused.json["code"]) == (403, "permission_denied")
        assert "training.enroll" in refused.json["message"]
    assert (await ask_to_enroll(employee, session_id, own)).status == 201


async def test_who_is_no_person_cannot_enroll_themselves(
    stack: Stack, admin: Client, organisation: int, session_id: int
) -> None:
    nobody = stack.client(organisation, permissions=["api.access", "training.enroll.self"])
    assert (await ask_to_enroll(nobody, session_id, await new_employee(admin))).status == 403


async def test_the_course_counts_all_but_the_cancelled(admin: Client) -> None:
    course_id = await new_course(admin, pass_score=50)
    session_id = await new_session(admin, course_id, **BEGUN)
    completed, failed, absent, cancelled, _ = await enroll(admin, session_id, *await new_employees(admin, 5))
    await admin.patch(f"{ENROLLMENTS}/{completed}/complete", {"score": 80})
    await admin.patch(f"{ENROLLMENTS}/{failed}/complete", {"score": 25.5})
    await admin.patch(f"{ENROLLMENTS}/{absent}/absent")
    await admin.patch(f"{ENROLLMENTS}/{cancelled}/cancel")

    async def counted() -> bool:
        course = (await admin.get(f"{COURSES}/{course_id}")).data
        session = (await admin.get(f"{SESSIONS}/{session_id}")).data
        assert (course["total_enrollments"], course["completion_rate"]) == (4, 25.0)
        assert course["average_score"] == 52.8
        return bool(session["enrolled_count"] == 4)

    await eventually(counted)
