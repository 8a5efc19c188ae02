"""What becomes of an enrollment (contract, section 4): complete, cancel, absent, check in."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.postgres.pool import connected, connection_pool
from tests.support.client import Answer, Client
from tests.support.examples import exactly
from tests.support.stack import Stack
from tests.support.world import (
    BEGUN,
    ENROLLMENTS,
    enroll,
    new_course,
    new_employee,
    new_employees,
    new_enrollment,
    new_session,
)

CHANGES: dict[str, Any] = {"complete": {}, "cancel": None, "absent": None, "check-in": {"method": "manual"}}
CLOSED = {
    ("cancelled", "complete"),
    ("cancelled", "absent"),
    ("cancelled", "check-in"),
    ("absent", "complete"),
    ("absent", "cancel"),
    ("absent", "check-in"),
    ("completed", "cancel"),
    ("completed", "absent"),
    ("failed", "cancel"),
    ("failed", "absent"),
}
"""Which change which status forbids: 409."""
STATUS_AFTER = {"complete": "completed", "cancel": "cancelled", "absent": "absent"}


async def change(client: Client, enrollment_id: int, what: str, body: Any = None) -> Answer:
    return await client.patch(f"{ENROLLMENTS}/{enrollment_id}/{what}", body)


async def enrollment_that_is(client: Client, status: str) -> int:
    enrollment_id = await new_enrollment(client, {"pass_score": 50})
    ways: dict[str, tuple[str, Any]] = {
        "completed": ("complete", {"score": 90}),
        "failed": ("complete", {"score": 10}),
        "cancelled": ("cancel", None),
        "absent": ("absent", None),
    }
    if status in ways:
        assert (await change(client, enrollment_id, *ways[status])).status == 200
    return enrollment_id


async def detail(client: Client, enrollment_id: int) -> dict[str, Any]:
    answer = await client.get(f"{ENROLLMENTS}/{enrollment_id}")
    assert answer.status == 200, answer.text
    return dict(answer.data)


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("status", ["enrolled", "completed", "failed", "absent", "cancelled"])
async def test_the_status_decides_what_may_become_of_an_enrollment(admin: Client, status: str, what: str) -> None:
    enrollment_id = await enrollment_that_is(admin, status)
    before = await detail(admin, enrollment_id)
    answer = await change(admin, enrollment_id, what, CHANGES[what])
    if (status, what) in CLOSED:
        assert (answer.status, answer.json["code"]) == (409, "conflict")
        assert status in answer.json["message"]
        assert await detail(admin, enrollment_id) == before
    else:
        assert answer.status == 200, answer.text
        expected = status if what == "check-in" or status == "failed" else STATUS_AFTER[what]
        assert (await detail(admin, enrollment_id))["status"] == expected


@pytest.mark.parametrize(
    ("pass_score", "score", "passed", "status"),
    [
        (70, 82, True, "completed"),
        (70, 70, True, "completed"),
        (70, 69.99, False, "failed"),
        (70, 0, False, "failed"),
        (0, 0, True, "completed"),
        (70, None, None, "completed"),
        (None, 12, None, "completed"),
        (None, None, None, "completed"),
    ],
)
async def test_the_pass_score_decides(
    admin: Client, pass_score: int | None, score: float | None, passed: bool | None, status: str
) -> None:
    enrollment_id = await new_enrollment(admin, {"pass_score": pass_score})
    answer = await change(admin, enrollment_id, "complete", {"score": score})
    assert (answer.status, answer.json["message"]) == (200, f"Enrollment marked as {status}")
    assert (answer.data["score"], answer.data["passed"], answer.data["status"]) == (score, passed, status)


@pytest.mark.parametrize("options", [{}, {"json": {}}])
async def test_a_completion_needs_no_body(admin: Client, options: dict[str, Any]) -> None:
    enrollment_id = await new_enrollment(admin)
    answer = await admin.request("PATCH", f"{ENROLLMENTS}/{enrollment_id}/complete", **options)
    assert (answer.status, answer.data["status"]) == (200, "completed")


async def test_a_completion_is_written_down(admin: Client) -> None:
    enrollment_id = await new_enrollment(admin)
    given = {"score": 99.5, "feedback": "Well done.", "certificate_url": "https://files.example/1.pdf"}
    before = datetime.now(UTC)
    answer = await change(admin, enrollment_id, "complete", given)
    after = datetime.now(UTC)
    document = await detail(admin, enrollment_id)
    assert {name: document[name] for name in given} == given
    assert document["completed_at"] == answer.data["completed_at"]
    assert before <= datetime.fromisoformat(document["completed_at"]) <= after


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("score", -0.01),
        ("score", 100.01),
        ("score", 50.005),
        ("score", "82"),
        ("score", True),
        ("score", [82]),
        ("feedback", "x" * 10_001),
        ("feedback", 5),
        ("feedback", "\0"),
        ("certificate_url", "http://files.example/1.pdf"),
        ("certificate_url", "ftp://files.example/1.pdf"),
        ("certificate_url", "javascript:alert(1)"),
        ("certificate_url", "https://"),
        ("certificate_url", "files.example/1.pdf"),
        ("certificate_url", ""),
        ("certificate_url", "https://files.example/" + "x" * 2048),
    ],
)
async def test_a_wrong_value_is_refused(admin: Client, field: str, value: Any) -> None:
    enrollment_id = await new_enrollment(admin)
    answer = await change(admin, enrollment_id, "complete", {field: value})
    assert (answer.status, list(answer.json["errors"])) == (422, [field])
    assert (await detail(admin, enrollment_id))["status"] == "enrolled"


@pytest.mark.parametrize("score", ["0", "100", "82", "82.5", "82.50", "99.99", "8.2e1"])
async def test_a_score_keeps_its_value(admin: Client, score: str) -> None:
    enrollment_id = await new_enrollment(admin)
    path = f"{ENROLLMENTS}/{enrollment_id}/complete"
    headers = {"Content-Type": "application/json"}
    answer = await admin.request("PATCH", path, data=f'{{"score": {score}}}', headers=headers)
    written = exactly(answer.text)["data"]["score"]
    assert written == {"82.50": "82.5", "8.2e1": "82"}.get(score, score)


async def test_the_longest_feedback_is_kept(admin: Client) -> None:
    enrollment_id = await new_enrollment(admin)
    answer = await change(admin, enrollment_id, "complete", {"feedback": "é" * 10_000})
    assert answer.data["feedback"] == "é" * 10_000


async def test_the_same_completion_again_changes_nothing(admin: Client, stack: Stack) -> None:
    enrollment_id = await new_enrollment(admin)
    given = {"score": 82, "feedback": "Good."}
    first = await change(admin, enrollment_id, "complete", given)
    versions = await version_of(stack, enrollment_id)
    again = await change(admin, enrollment_id, "complete", given)
    assert again.text == first.text
    assert await version_of(stack, enrollment_id) == versions == (2, 2)


async def test_a_correction_keeps_when_it_was_completed(admin: Client, stack: Stack) -> None:
    enrollment_id = await new_enrollment(admin, {"pass_score": 50})
    first = await change(admin, enrollment_id, "complete", {"score": 40, "feedback": "No."})
    assert (first.json["message"], first.data["passed"]) == ("Enrollment marked as failed", False)
    corrected = await change(admin, enrollment_id, "complete", {"score": 60})
    assert corrected.json["message"] == "Enrollment marked as completed"
    assert corrected.data["completed_at"] == first.data["completed_at"]
    assert (corrected.data["score"], corrected.data["passed"], corrected.data["feedback"]) == (60, True, "No.")
    assert await version_of(stack, enrollment_id) == (3, 3)


async def test_null_clears_what_a_completion_said(admin: Client) -> None:
    enrollment_id = await new_enrollment(admin)
    await change(admin, enrollment_id, "complete", {"score": 40, "feedback": "No."})
    cleared = await change(admin, enrollment_id, "complete", {"feedback": None})
    assert (cleared.data["score"], cleared.data["feedback"]) == (40, None)


async def version_of(stack: Stack, enrollment_id: int) -> tuple[int, int]:
    """The row's version, and how many events it has had."""
    async with connection_pool(stack.enrollment_database_url, name="test") as pool, connected(pool) as connection:
        version = await connection.fetchval("SELECT version FROM enrollments WHERE id = $1", enrollment_id)
        told = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE body::jsonb ->> 'subject' = $1", f"enrollments/{enrollment_id}"
        )
    return version, told


async def test_cancelling_frees_the_seat(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=1)
    first, second = await new_employees(admin, 2)
    [enrollment_id] = await enroll(admin, session_id, first)
    answer = await change(admin, enrollment_id, "cancel")
    assert (answer.status, answer.data["status"]) == (200, "cancelled")
    await enroll(admin, session_id, second)


async def seats_after_cancelling(client: Client, times: int, *, at_once: bool) -> int:
    """Seats left of five, after two were taken and one of them was cancelled so many times."""
    session_id = await new_session(client, await new_course(client), max_participants=5)
    first, _ = await enroll(client, session_id, *await new_employees(client, 2))
    cancels = [change(client, first, "cancel") for _ in range(times)]
    answers = await asyncio.gather(*cancels) if at_once else [await cancel for cancel in cancels]
    assert {answer.status for answer in answers} == {200}
    answer = await client.post(ENROLLMENTS, {"session_id": session_id, "employee_ids": [await new_employee(client)]})
    return int(answer.data["session_available_spots"]) + 1


@pytest.mark.parametrize("at_once", [False, True])
async def test_cancelling_twice_frees_one_seat(admin: Client, at_once: bool) -> None:
    assert await seats_after_cancelling(admin, 5, at_once=at_once) == 4


async def test_an_absent_persons_seat_stays_taken_once_the_session_has_begun(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=1, **BEGUN)
    first, second = await new_employees(admin, 2)
    [enrollment_id] = await enroll(admin, session_id, first)
    await change(admin, enrollment_id, "absent")
    answer = await admin.post(ENROLLMENTS, {"session_id": session_id, "employee_ids": [second]})
    assert answer.json["code"] == "session_full"


@pytest.mark.parametrize("method", ["manual", "qr_code", "kiosk"])
async def test_a_check_in_says_when_and_how(admin: Client, method: str) -> None:
    enrollment_id = await new_enrollment(admin)
    answer = await change(
        admin, enrollment_id, "check-in", {"method": method, "checked_in_at": "2030-05-15T18:55:00+10:00"}
    )
    assert answer.status == 200, answer.text
    assert answer.data["check_in_method"] == method
    assert answer.data["checked_in_at"] == "2030-05-15T08:55:00.000000Z"


async def test_a_check_in_without_a_time_is_now_and_again_changes_nothing(admin: Client, stack: Stack) -> None:
    enrollment_id = await new_enrollment(admin)
    first = await change(admin, enrollment_id, "check-in", {"method": "manual"})
    again = await change(admin, enrollment_id, "check-in", {"method": "manual"})
    assert first.data["checked_in_at"] is not None
    assert again.data == first.data
    assert await version_of(stack, enrollment_id) == (2, 2)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "method"),
        ({"method": "face"}, "method"),
        ({"method": None}, "method"),
        ({"method": "manual", "checked_in_at": "2030-05-15"}, "checked_in_at"),
        ({"method": "manual", "checked_in_at": "2030-05-15T08:55:00"}, "checked_in_at"),
        ({"method": "manual", "checked_in_at": 1}, "checked_in_at"),
    ],
)
async def test_a_wrong_check_in_is_refused(admin: Client, body: dict[str, Any], named: str) -> None:
    answer = await change(admin, await new_enrollment(admin), "check-in", body)
    assert (answer.status, list(answer.json["errors"])) == (422, [named])


@pytest.mark.parametrize("what", CHANGES)
async def test_a_change_of_no_enrollment_is_not_found(admin: Client, what: str) -> None:
    assert (await change(admin, 2**62, what, CHANGES[what])).status == 404


async def test_who_may_enroll_themselves_may_cancel_their_own_alone(
    stack: Stack, admin: Client, organisation: int
) -> None:
    session_id = await new_session(admin, await new_course(admin))
    own, other = await new_employees(admin, 2)
    own_id, other_id = await enroll(admin, session_id, own, other)
    permissions = ["api.access", "training.enroll.self"]
    employee = stack.client(organisation, permissions=permissions, employee_id=own)
    assert (await change(employee, other_id, "cancel")).status == 404
    assert (await change(employee, own_id, "cancel")).status == 200
    assert (await detail(admin, other_id))["status"] == "enrolled"
