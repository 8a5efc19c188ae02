"""Results are judged once, certify only what was passed, and can be taken back (contract, section 4)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.enrollment import transitions
from shared.http.conditional import Conditions
from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.history_client import Attendee
from tests.support.lifecycle import change, changed, full_session_with_line, in_enrollment, shown, transfer
from tests.support.stack import Stack
from tests.support.world import (
    BEGUN,
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    SESSIONS,
    ask_to_enroll,
    course_with_prerequisite,
    enroll,
    new_course,
    new_employee,
    new_enrollment,
    new_session,
)

REASON = {"reason": "It was somebody else of the same name"}


@pytest.fixture
async def attendee(admin: Client) -> Attendee:
    return Attendee(admin, await new_employee(admin))


async def version_of(client: Client, enrollment_id: int) -> int:
    return int((await client.get(f"{ENROLLMENTS}/{enrollment_id}/audit")).json["meta"]["total"])


async def remove_check_in(client: Client, enrollment_id: int, **headers: str) -> Answer:
    return await client.delete(f"{ENROLLMENTS}/{enrollment_id}/check-in", **headers)


async def last_changes(client: Client, enrollment_id: int) -> dict[str, Any]:
    return dict((await client.get(f"{ENROLLMENTS}/{enrollment_id}/audit")).data[-1]["changes"])


async def course_of(client: Client, enrollment_id: int) -> int:
    return int((await shown(client, enrollment_id))["session"]["course"]["id"])


async def compliant(client: Client, enrollment_id: int) -> str:
    answer = await client.get("/api/v1/training/compliance", course_id=await course_of(client, enrollment_id))
    [item] = answer.data
    return str(item["status"])


async def change_course(stack: Stack, client: Client, course_id: int, **fields: Any) -> None:
    """Returns once enrollment knows of it."""
    assert (await client.patch(f"{COURSES}/{course_id}", fields)).status == 200

    async def judged_anew() -> bool:
        other = await new_session(client, course_id)
        [enrollment_id] = await enroll(client, other, await new_employee(client))
        return bool((await changed(client, enrollment_id, "complete", {"score": 79}))["status"] == "failed")

    await eventually(judged_anew)


@pytest.mark.parametrize(
    ("again", "versions"), [({"score": 75}, 2), ({"feedback": "x"}, 3), ({"score": 71}, 3), ({}, 2)]
)
async def test_an_old_result_is_not_judged_by_what_the_course_asks_today(
    stack: Stack, admin: Client, attendee: Attendee, again: dict[str, Any], versions: int
) -> None:
    enrollment_id = await attendee.attends({"pass_score": 70, "validity_months": 24})
    await changed(admin, enrollment_id, "complete", {"score": 75})
    before = await attendee.record(enrollment_id, result="passed")
    course_id = await course_of(admin, enrollment_id)
    await change_course(stack, admin, course_id, pass_score=80, validity_months=12)
    answer = await changed(admin, enrollment_id, "complete", again)
    assert (answer["status"], answer["passed"]) == ("completed", True)
    assert await version_of(admin, enrollment_id) == versions
    assert (await attendee.record(enrollment_id, result="passed"))["valid_until"] == before["valid_until"]


@pytest.mark.parametrize(
    ("course", "completions", "passed", "result", "compliance"),
    [
        ({"pass_score": 70}, [{"score": 40}, {"score": None}], None, "attended", "missing"),
        ({"pass_score": 70}, [{}], None, "attended", "missing"),
        ({"pass_score": 70}, [{"score": 40}], False, "failed", "missing"),
        ({"pass_score": 70}, [{}, {"score": 70}], True, "passed", "valid"),
        ({}, [{"score": 5}], None, "attended", "valid"),
        ({}, [{}], None, "attended", "valid"),
    ],
)
async def test_what_certifies_is_passed_where_there_is_a_pass_mark(
    admin: Client,
    attendee: Attendee,
    course: dict[str, Any],
    completions: list[dict[str, Any]],
    passed: bool | None,
    result: str,
    compliance: str,
) -> None:
    enrollment_id = await attendee.attends({"validity_months": 12, **course})
    for completion in completions:
        answer = await changed(admin, enrollment_id, "complete", completion)
    assert answer["passed"] is passed
    assert await compliant(admin, enrollment_id) == compliance
    record = await attendee.record(enrollment_id, result=result, status="completed")
    assert (record["valid_until"] is not None) == (compliance == "valid")


async def test_what_does_not_certify_is_no_prerequisite(admin: Client) -> None:
    basics, advanced = await course_with_prerequisite(admin, pass_score=50)
    person = await new_employee(admin)
    [enrollment_id] = await enroll(admin, basics, person)
    await changed(admin, enrollment_id, "complete")
    assert (await ask_to_enroll(admin, advanced, person)).json["code"] == "prerequisite_missing"
    await changed(admin, enrollment_id, "complete", {"score": 50})
    assert (await ask_to_enroll(admin, advanced, person)).status == 201


@pytest.mark.parametrize("what", [("complete", {"score": 80}), ("complete", {"score": 1}), ("absent", None)])
async def test_a_result_is_taken_back_and_recorded_anew(
    admin: Client, attendee: Attendee, what: tuple[str, Any]
) -> None:
    enrollment_id = await attendee.attends({"pass_score": 50})
    fresh = await shown(admin, enrollment_id)
    ended = await changed(admin, enrollment_id, *what)
    answer = await change(admin, enrollment_id, "reopen", REASON)
    assert (answer.status, answer.json["message"], answer.data) == (200, "Enrollment reopened", fresh)
    changes = await last_changes(admin, enrollment_id)
    assert changes["status"] == {"from": ended["status"], "to": "enrolled"}
    assert changes["reason"] == {"from": None, "to": REASON["reason"]}
    await attendee.record(enrollment_id, status="confirmed", result=None)
    assert await compliant(admin, enrollment_id) == "missing"
    assert (await changed(admin, enrollment_id, "reopen", REASON)) == fresh
    assert await version_of(admin, enrollment_id) == 3
    await changed(admin, enrollment_id, "complete", {"score": 50})
    await attendee.record(enrollment_id, result="passed")


async def test_a_new_attempt_is_judged_by_the_course_as_it_is_then(stack: Stack, admin: Client) -> None:
    enrollment_id = await new_enrollment(admin, {"pass_score": 70})
    await changed(admin, enrollment_id, "complete", {"score": 75})
    await change_course(stack, admin, await course_of(admin, enrollment_id), pass_score=80)
    await changed(admin, enrollment_id, "reopen", REASON)
    assert (await changed(admin, enrollment_id, "complete", {"score": 75}))["status"] == "failed"


async def test_a_seat_that_somebody_else_has_by_now_is_not_given_twice(admin: Client) -> None:
    _, seated, [first, _] = await full_session_with_line(admin)
    await changed(admin, seated, "absent")
    answer = await change(admin, seated, "reopen", REASON)
    assert (answer.status, answer.json["code"], answer.json["available_spots"]) == (422, "session_full", 0)
    await changed(admin, first, "cancel")
    assert (await change(admin, seated, "reopen", REASON)).json["code"] == "session_full"


async def test_a_seat_that_is_free_is_taken_again(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=1)
    [enrollment_id] = await enroll(admin, session_id, await new_employee(admin))
    await changed(admin, enrollment_id, "absent")
    await changed(admin, enrollment_id, "reopen", REASON)
    assert (await ask_to_enroll(admin, session_id, await new_employee(admin))).json["code"] == "session_full"


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": " "}, {"reason": None}, {"reason": "x" * 501}])
async def test_reopening_needs_a_reason(admin: Client, body: Any) -> None:
    enrollment_id = await new_enrollment(admin)
    await changed(admin, enrollment_id, "complete")
    answer = await change(admin, enrollment_id, "reopen", body)
    assert (answer.status, list(answer.json["errors"])) == (422, ["reason"])
    assert await version_of(admin, enrollment_id) == 2


async def test_the_longest_reason_is_kept(admin: Client) -> None:
    enrollment_id = await new_enrollment(admin)
    await changed(admin, enrollment_id, "complete")
    await changed(admin, enrollment_id, "reopen", {"reason": "é" * 500})
    assert (await last_changes(admin, enrollment_id))["reason"]["to"] == "é" * 500


async def test_what_was_cancelled_is_not_reopened(admin: Client) -> None:
    cancelled = await new_enrollment(admin)
    await changed(admin, cancelled, "cancel")
    _, _, [waiting] = await full_session_with_line(admin, waiting=1)
    for enrollment_id, status in ((cancelled, "cancelled"), (waiting, "waitlisted")):
        answer = await change(admin, enrollment_id, "reopen", REASON)
        assert (answer.status, answer.json["code"]) == (409, "conflict")
        assert answer.json["message"] == f"An enrollment that is {status} cannot be reopened."


async def test_nothing_is_reopened_in_a_cancelled_session_nor_of_who_has_left(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), **BEGUN)
    person = await new_employee(admin)
    [enrollment_id] = await enroll(admin, session_id, person)
    await changed(admin, enrollment_id, "complete")
    await admin.patch(f"{SESSIONS}/{session_id}", {"status": "cancelled"})

    async def closed() -> bool:
        return bool((await ask_to_enroll(admin, session_id, person)).json["code"] == "session_closed")

    await eventually(closed)
    assert (await change(admin, enrollment_id, "reopen", REASON)).json["code"] == "session_closed"
    await admin.delete(f"{EMPLOYEES}/{person}")
    assert (await change(admin, enrollment_id, "reopen", REASON)).status == 409
    assert await version_of(admin, enrollment_id) == 2


async def test_a_check_in_is_taken_back(admin: Client, attendee: Attendee) -> None:
    enrollment_id = await attendee.attends()
    fresh = await shown(admin, enrollment_id)
    await changed(admin, enrollment_id, "check-in", {"method": "kiosk"})
    refused = await change(admin, enrollment_id, "absent")
    assert (refused.status, refused.json["code"]) == (409, "conflict")
    answer = await remove_check_in(admin, enrollment_id)
    assert (answer.status, answer.json["message"], answer.data) == (200, "Check-in removed", fresh)
    assert (await last_changes(admin, enrollment_id))["check_in_method"] == {"from": "kiosk", "to": None}
    assert (await remove_check_in(admin, enrollment_id)).data == fresh
    assert await version_of(admin, enrollment_id) == 3
    await changed(admin, enrollment_id, "absent")
    refused = await remove_check_in(admin, enrollment_id)
    assert refused.json["message"] == "The check-in of an enrollment that is absent cannot be removed."
    assert (refused.status, (await remove_check_in(admin, 2**62)).status) == (409, 404)


async def test_a_second_check_in_does_not_overwrite_the_first(admin: Client) -> None:
    enrollment_id = await new_enrollment(admin)
    first = await changed(admin, enrollment_id, "check-in", {"method": "qr_code"})
    assert await changed(admin, enrollment_id, "check-in", {"method": "kiosk"}) == first
    correction = {"method": "kiosk", "checked_in_at": "2030-05-15T08:55:00Z"}
    assert (await changed(admin, enrollment_id, "check-in", correction))["check_in_method"] == "kiosk"


async def test_a_transfer_leaves_the_check_in_behind(admin: Client) -> None:
    course_id = await new_course(admin)
    first, second = [await new_session(admin, course_id) for _ in range(2)]
    [enrollment_id] = await enroll(admin, first, await new_employee(admin))
    await changed(admin, enrollment_id, "check-in", {"method": "qr_code"})
    answer = await transfer(admin, enrollment_id, second)
    assert (answer.data["checked_in_at"], answer.data["check_in_method"]) == (None, None)
    assert (await last_changes(admin, enrollment_id))["check_in_method"] == {"from": "qr_code", "to": None}


async def taken_back(client: Client, tag: str, enrollment_id: int) -> list[int]:
    """The status codes of reopening and of taking the check-in back, both from that version."""
    path, headers = f"{ENROLLMENTS}/{enrollment_id}", {"If-Match": tag}
    reopened = await client.patch(f"{path}/reopen", REASON, **headers)
    return [reopened.status, (await remove_check_in(client, enrollment_id, **headers)).status]


async def attended(client: Client) -> tuple[str, int]:
    """The tag of an enrollment before it was completed, and its id."""
    enrollment_id = await new_enrollment(client)
    await changed(client, enrollment_id, "check-in", {"method": "kiosk"})
    tag = (await client.get(f"{ENROLLMENTS}/{enrollment_id}")).headers["ETag"]
    await changed(client, enrollment_id, "complete")
    return tag, enrollment_id


async def test_taking_back_starts_from_the_newest_version_if_that_is_asked_for(admin: Client) -> None:
    tag, enrollment_id = await attended(admin)
    assert await taken_back(admin, tag, enrollment_id) == [412, 412]
    newest = (await admin.get(f"{ENROLLMENTS}/{enrollment_id}")).headers["ETag"]
    assert await taken_back(admin, newest, enrollment_id) == [200, 412]


async def test_control_without_the_check_of_the_version_an_older_one_is_taken(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Conditions, "check", lambda *_: None)
    assert await taken_back(admin, *await attended(admin)) == [200, 200]


async def test_the_date_that_counts_is_given_and_corrected(admin: Client, attendee: Attendee) -> None:
    enrollment_id = await attendee.attends({"validity_months": 12}, **BEGUN)
    given = {"completed_at": "2021-02-28T17:00:00+01:00"}
    assert (await changed(admin, enrollment_id, "complete", given))["completed_at"] == "2021-02-28T16:00:00.000000Z"
    await attendee.record(enrollment_id, valid_until="2022-02-28T16:00:00+00:00")
    await changed(admin, enrollment_id, "complete", given)
    await changed(admin, enrollment_id, "complete", {"feedback": "Good."})
    assert (await shown(admin, enrollment_id))["completed_at"] == "2021-02-28T16:00:00.000000Z"
    await changed(admin, enrollment_id, "complete", {"completed_at": "2021-02-27T16:00:00Z"})
    await attendee.record(enrollment_id, valid_until="2022-02-27T16:00:00+00:00")
    assert await version_of(admin, enrollment_id) == 4


@pytest.mark.parametrize("status", ["enrolled", "completed"])
@pytest.mark.parametrize(
    ("session", "completed_at"),
    [
        (BEGUN, None),
        (BEGUN, "2020-05-14T23:59:59Z"),
        (BEGUN, "2089-05-14T23:59:59Z"),
        ({}, "2020-05-15T09:00:00Z"),
        ({}, (datetime.now(UTC) - timedelta(days=2)).isoformat()),
    ],
    ids=["no date", "before the session", "in the future", "long before a session to come", "two days ago"],
)
async def test_a_date_on_which_nobody_can_have_completed_it_is_refused(
    admin: Client, session: dict[str, Any], completed_at: str | None, status: str
) -> None:
    enrollment_id = await new_enrollment(admin, {}, **session)
    if status == "completed":
        await changed(admin, enrollment_id, "complete")
    before = await shown(admin, enrollment_id)
    answer = await change(admin, enrollment_id, "complete", {"completed_at": completed_at})
    assert (answer.status, list(answer.json["errors"])) == (422, ["completed_at"])
    assert await shown(admin, enrollment_id) == before


async def test_control_without_the_check_of_the_date_any_is_taken(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transitions, "check_completed_at", lambda *_: None)
    enrollment_id = await new_enrollment(admin)
    assert (await change(admin, enrollment_id, "complete", {"completed_at": "2089-05-14T23:59:59Z"})).status == 200


async def test_the_day_of_the_session_is_the_organisations(admin: Client) -> None:
    await admin.put("/api/v1/training/settings", {"time_zone": "Australia/Sydney"})
    times = {"start_date": "2025-01-15T08:00:00+11:00", "end_date": "2025-01-15T16:00:00+11:00"}
    enrollment_id = await new_enrollment(admin, {"validity_months": 1}, **times)
    early = await change(admin, enrollment_id, "complete", {"completed_at": "2025-01-14T23:59:59+11:00"})
    assert (early.status, early.json["errors"]) == (
        422,
        {"completed_at": ["The completed_at must not be before 2025-01-15."]},
    )
    await changed(admin, enrollment_id, "complete", {"completed_at": "2025-01-15T00:00:00+11:00"})


async def test_what_an_earlier_release_recorded_in_both_ways_can_be_put_right(stack: Stack, admin: Client) -> None:
    enrollment_id = await new_enrollment(admin)
    await changed(admin, enrollment_id, "absent")
    await in_enrollment(
        stack,
        "UPDATE enrollments SET checked_in_at = now(), check_in_method = 'manual' WHERE id = $1",
        enrollment_id,
    )
    assert (await changed(admin, enrollment_id, "reopen", REASON))["check_in_method"] == "manual"
    assert (await remove_check_in(admin, enrollment_id)).status == 200
    assert (await changed(admin, enrollment_id, "absent"))["status"] == "absent"
