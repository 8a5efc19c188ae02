"""A transfer to another session of the same course: both sessions, the history and the catalog agree on it."""

import asyncio
from typing import Any

import pytest

from tests.support.client import Client, new_organisation
from tests.support.eventually import eventually
from tests.support.lifecycle import catalog_counts, change, changed, shown, statuses_of, transfer
from tests.support.stack import Stack
from tests.support.world import (
    BEGUN,
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    SESSIONS,
    ask_to_enroll,
    enroll,
    new_course,
    new_employee,
    new_employees,
    new_session,
)

Refusal = tuple[int, str, Any]
UNKNOWN = (422, "validation_failed", ["The selected session does not exist."])


async def refused_transfer(client: Client, enrollment_id: int, session_id: int) -> Refusal:
    """Status, code and what is said of the session; nothing may have changed."""
    before = await shown(client, enrollment_id)
    answer = await transfer(client, enrollment_id, session_id)
    assert await shown(client, enrollment_id) == before
    assert (await client.get(f"{ENROLLMENTS}/{enrollment_id}/audit")).json["meta"]["total"] == 1
    return answer.status, answer.json["code"], answer.json.get("errors", {}).get("session_id")


@pytest.fixture
async def course_id(admin: Client) -> int:
    return await new_course(admin)


@pytest.fixture
async def enrollment_id(admin: Client, course_id: int) -> int:
    [enrollment_id] = await enroll(admin, await new_session(admin, course_id), await new_employee(admin))
    return enrollment_id


async def test_a_session_of_another_course_is_refused(admin: Client, enrollment_id: int) -> None:
    elsewhere = await new_session(admin, await new_course(admin))
    assert await refused_transfer(admin, enrollment_id, elsewhere) == (
        422,
        "session_of_other_course",
        ["The selected session belongs to another course."],
    )


async def test_a_full_session_is_refused(admin: Client, course_id: int, enrollment_id: int) -> None:
    full = await new_session(admin, course_id, max_participants=1)
    await enroll(admin, full, await new_employee(admin))
    assert await refused_transfer(admin, enrollment_id, full) == (422, "session_full", None)


@pytest.mark.parametrize("moves", [["cancelled"], ["in_progress", "completed"]])
async def test_a_closed_session_is_refused(admin: Client, course_id: int, enrollment_id: int, moves: list[str]) -> None:
    closed = await new_session(admin, course_id)
    for status in moves:
        await admin.patch(f"{SESSIONS}/{closed}", {"status": status})

    await enrollment_knows(admin, closed, moves[-1])
    reason = f"The session is {moves[-1]}; nobody can be enrolled in it."
    assert await refused_transfer(admin, enrollment_id, closed) == (422, "session_closed", [reason])


async def enrollment_knows(client: Client, session_id: int, status: str) -> None:
    person = await new_employee(client)

    async def refused() -> bool:
        answer = await ask_to_enroll(client, session_id, person)
        assert answer.status == 422
        return status in answer.json["message"]

    await eventually(refused)


async def test_an_unknown_session_is_refused(stack: Stack, admin: Client, enrollment_id: int) -> None:
    stranger = stack.client(new_organisation())
    theirs = await new_session(stranger, await new_course(stranger))
    for session_id in (2**62, theirs):
        assert await refused_transfer(admin, enrollment_id, session_id) == UNKNOWN


async def test_a_deleted_session_is_refused(admin: Client, course_id: int, enrollment_id: int) -> None:
    deleted = await new_session(admin, course_id)
    assert (await admin.delete(f"{SESSIONS}/{deleted}")).status == 200
    assert await refused_transfer(admin, enrollment_id, deleted) == UNKNOWN


async def test_who_is_enrolled_there_already_is_refused(admin: Client, course_id: int) -> None:
    person = await new_employee(admin)
    first, second = [await new_session(admin, course_id) for _ in range(2)]
    [enrollment_id] = await enroll(admin, first, person)
    await enroll(admin, second, person)
    assert await refused_transfer(admin, enrollment_id, second) == (
        422,
        "already_enrolled",
        ["The employee is already enrolled in this session."],
    )


async def test_who_cancelled_there_can_come_back_by_transfer(admin: Client, course_id: int) -> None:
    person = await new_employee(admin)
    first, second = [await new_session(admin, course_id) for _ in range(2)]
    [left] = await enroll(admin, second, person)
    await changed(admin, left, "cancel")
    [enrollment_id] = await enroll(admin, first, person)
    assert (await transfer(admin, enrollment_id, second)).status == 200


async def test_the_same_session_again_is_refused(admin: Client, enrollment_id: int) -> None:
    session_id = (await shown(admin, enrollment_id))["session"]["id"]
    reason = "The employee is already enrolled in this session."
    assert await refused_transfer(admin, enrollment_id, session_id) == (422, "already_enrolled", [reason])


@pytest.mark.parametrize(("what", "status"), [("complete", "completed"), ("absent", "absent"), ("cancel", "cancelled")])
async def test_what_is_over_cannot_be_transferred(
    admin: Client, course_id: int, enrollment_id: int, what: str, status: str
) -> None:
    before = await changed(admin, enrollment_id, what)
    answer = await transfer(admin, enrollment_id, await new_session(admin, course_id))
    assert (answer.status, answer.json["code"]) == (409, "conflict")
    assert status in answer.json["message"]
    assert await statuses_of(admin, enrollment_id) == [before["status"]]


async def test_who_left_the_organisation_is_not_transferred(admin: Client, course_id: int) -> None:
    person = await new_employee(admin)
    [enrollment_id] = await enroll(admin, await new_session(admin, course_id, **BEGUN), person)
    assert (await admin.delete(f"{EMPLOYEES}/{person}")).status == 200
    target = await new_session(admin, course_id)
    assert await refused_transfer(admin, enrollment_id, target) == (409, "conflict", None)


@pytest.mark.parametrize("body", [None, {}, {"session_id": 0}, {"session_id": "8"}, {"session_id": None}])
async def test_a_wrong_body_is_refused(admin: Client, enrollment_id: int, body: Any) -> None:
    answer = await change(admin, enrollment_id, "transfer", body)
    assert answer.status == (415 if body is None else 422)


async def test_history_and_catalog_follow(admin: Client) -> None:
    course_id, person = await new_course(admin, title="First Aid"), await new_employee(admin)
    first = await new_session(admin, course_id, session_name="Morning")
    second = await new_session(admin, course_id, session_name="Evening")
    [enrollment_id] = await enroll(admin, first, person)
    answer = await transfer(admin, enrollment_id, second)
    assert (answer.status, answer.json["message"]) == (200, "Enrollment transferred")
    assert (answer.data["id"], answer.data["session"]["id"]) == (enrollment_id, second)
    await catalog_counts(admin, first, 0)
    await catalog_counts(admin, second, 1)
    assert (await admin.get(f"{COURSES}/{course_id}")).data["total_enrollments"] == 1

    async def history_has_moved() -> bool:
        [record] = (await admin.get(f"{EMPLOYEES}/{person}/training")).data
        assert (record["id"], record["session"]["name"]) == (enrollment_id, "Evening")
        return True

    await eventually(history_has_moved)


async def test_transfers_that_cross_do_not_wait_for_each_other(admin: Client, course_id: int) -> None:
    sessions = [await new_session(admin, course_id, max_participants=10) for _ in range(2)]
    there, back = [await enroll(admin, session_id, *await new_employees(admin, 5)) for session_id in sessions]
    answers = await asyncio.gather(
        *(transfer(admin, enrollment_id, sessions[1]) for enrollment_id in there),
        *(transfer(admin, enrollment_id, sessions[0]) for enrollment_id in back),
    )
    assert {answer.status for answer in answers} == {200}
    for session_id in sessions:
        await catalog_counts(admin, session_id, 5)


async def test_the_last_seat_is_for_one_of_many_transfers(admin: Client, course_id: int) -> None:
    many, one = await new_session(admin, course_id), await new_session(admin, course_id, max_participants=1)
    enrollments = await enroll(admin, many, *await new_employees(admin, 6))
    answers = await asyncio.gather(*(transfer(admin, enrollment_id, one) for enrollment_id in enrollments))
    assert sorted(answer.status for answer in answers) == [200, *[422] * 5]
    await catalog_counts(admin, one, 1)
    await catalog_counts(admin, many, 5)


async def test_one_enrollment_transferred_to_two_sessions_at_once_ends_in_one(
    admin: Client, course_id: int, enrollment_id: int
) -> None:
    targets = [await new_session(admin, course_id) for _ in range(2)]
    await asyncio.gather(*(transfer(admin, enrollment_id, session_id) for session_id in targets))
    last = (await shown(admin, enrollment_id))["session"]["id"]
    assert last in targets
    for session_id in targets:
        await catalog_counts(admin, session_id, int(session_id == last))
