"""Training records, made from events alone (contract, section 5)."""

from typing import Any

import pytest

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.examples import exactly
from tests.support.history_client import Attendee, history_of
from tests.support.world import COURSES, EMPLOYEES, ENROLLMENTS, SESSIONS, STAFF, new_employee, new_staff


async def test_an_enrollment_becomes_a_record(admin: Client) -> None:
    company = {"id": 77, "name": "ABC Contractors Pty Ltd"}
    attendee = Attendee(admin, await new_employee(admin, full_name="John Doe", company=company))
    course = {"title": "Forklift", "labels": [{"id": 12, "name": "Plant"}, {"id": 3, "name": "A"}]}
    enrollment_id = await attendee.attends(
        course, session_name="July", location="Warehouse B", projects=[{"id": 5, "name": "Metro"}]
    )
    record = await attendee.record(enrollment_id)
    session = (await admin.get(f"{ENROLLMENTS}/{enrollment_id}")).data["session"]
    assert record == {
        "id": enrollment_id,
        "type": "offline",
        "training_name": "Forklift",
        "training_type": "session",
        "completed_at": None,
        "status": "confirmed",
        "result": None,
        "valid_until": None,
        "person": {"id": attendee.id, "type": "employee", "name": "John Doe", "company": company["name"]},
        "projects": ["Metro"],
        "labels": ["Plant", "A"],
        "session": {
            "id": session["id"],
            "name": "July",
            "venue": "Warehouse B",
            "checked_in_at": None,
            "check_in_method": None,
        },
    }


@pytest.mark.parametrize(
    ("mode", "type_", "training_type", "venue"),
    [
        ("in_person", "offline", "session", "Room 1"),
        ("hybrid", "offline", "session", "Room 1"),
        ("online", "online", "course", None),
        ("self_paced", "online", "course", None),
    ],
)
async def test_the_delivery_mode_decides_the_type(
    attendee: Attendee, mode: str, type_: str, training_type: str, venue: str | None
) -> None:
    record = await attendee.record(await attendee.attends({"delivery_mode": mode}, location="Room 1"))
    assert (record["type"], record["training_type"], record["session"]["venue"]) == (type_, training_type, venue)


RESULTS: dict[str, tuple[str, Any, str, str | None]] = {
    "enrolled": ("", None, "confirmed", None),
    "completed without a score": ("complete", {}, "completed", "attended"),
    "passed": ("complete", {"score": 80}, "completed", "passed"),
    "failed": ("complete", {"score": 20}, "completed", "failed"),
    "absent": ("absent", None, "completed", "absent"),
    "cancelled": ("cancel", None, "cancelled", None),
}


@pytest.mark.parametrize("what", RESULTS)
async def test_status_and_result_follow_the_enrollment(attendee: Attendee, what: str) -> None:
    change, body, status, result = RESULTS[what]
    enrollment_id = await attendee.attends({"pass_score": 50})
    if change:
        assert (await attendee.client.patch(f"{ENROLLMENTS}/{enrollment_id}/{change}", body)).status == 200
    record = await attendee.record(enrollment_id, status=status, result=result)
    assert (record["completed_at"] is not None) == (change == "complete")


@pytest.mark.parametrize(
    ("score", "validity", "valid"), [(80, 24, True), (20, 24, False), (80, None, False), (None, 24, False)]
)
async def test_what_was_completed_is_valid_for_the_courses_months(
    attendee: Attendee, score: int | None, validity: int | None, valid: bool
) -> None:
    enrollment_id = await attendee.attends({"pass_score": 50, "validity_months": validity})
    await attendee.client.patch(f"{ENROLLMENTS}/{enrollment_id}/complete", {"score": score})
    record = await attendee.record(enrollment_id, status="completed")
    if not valid:
        assert record["valid_until"] is None
        return
    completed, until = record["completed_at"], record["valid_until"]
    assert int(until[:4]) == int(completed[:4]) + 2
    assert until[-14:] == completed[-14:]


async def test_a_correction_reaches_the_record(attendee: Attendee) -> None:
    enrollment_id = await attendee.attends({"pass_score": 50})
    path = f"{ENROLLMENTS}/{enrollment_id}/complete"
    await attendee.client.patch(path, {"score": 20})
    first = await attendee.record(enrollment_id, result="failed")
    await attendee.client.patch(path, {"score": 70})
    second = await attendee.record(enrollment_id, result="passed")
    assert first["completed_at"] == second["completed_at"]


async def test_a_check_in_reaches_the_record(attendee: Attendee) -> None:
    enrollment_id = await attendee.attends()
    body = {"method": "qr_code", "checked_in_at": "2030-05-15T08:55:00.999Z"}
    await attendee.client.patch(f"{ENROLLMENTS}/{enrollment_id}/check-in", body)

    async def checked_in() -> bool:
        session = (await attendee.record(enrollment_id))["session"]
        return (session["check_in_method"], session["checked_in_at"]) == ("qr_code", "2030-05-15T08:55:00+00:00")

    await eventually(checked_in)


async def test_new_names_reach_the_records_there_are(attendee: Attendee) -> None:
    enrollment_id = await attendee.attends({"labels": [{"id": 1, "name": "old"}]})
    session = (await attendee.client.get(f"{ENROLLMENTS}/{enrollment_id}")).data["session"]
    await attendee.record(enrollment_id)
    change = {"title": "New", "labels": [{"id": 2, "name": "new"}]}
    await attendee.client.patch(f"{COURSES}/{session['course']['id']}", change)
    await attendee.client.patch(f"{SESSIONS}/{session['id']}", {"projects": [{"id": 5, "name": "Metro"}]})
    await attendee.client.put(f"{EMPLOYEES}/{attendee.id}", {"employee_id": "E", "full_name": "Jane Roe"})
    record = await attendee.record(enrollment_id, training_name="New", labels=["new"], projects=["Metro"])
    await eventually(lambda: _is_called(attendee, enrollment_id, "Jane Roe"))
    assert record["person"]["company"] is None


async def _is_called(attendee: Attendee, enrollment_id: int, name: str) -> bool:
    return bool((await attendee.record(enrollment_id))["person"]["name"] == name)


async def test_a_person_without_records_has_an_empty_history(attendee: Attendee) -> None:
    async def empty() -> bool:
        answer = await attendee.ask()
        assert answer.status == 200
        return bool(answer.json == {"data": [], "meta": {**NOTHING, "current_page": 1, "per_page": 50}})

    await eventually(empty)


NOTHING = {"total": 0, "total_pages": 1}


async def test_employees_and_staff_have_histories_of_their_own(admin: Client) -> None:
    person = Attendee(admin, await new_staff(admin), STAFF)
    record = await person.record(await person.attends())
    assert (record["person"]["type"], record["person"]["company"]) == ("staff", None)
    answer = await admin.get(history_of(EMPLOYEES, person.id))
    assert (answer.status, answer.json["message"]) == (404, "Worker not found or not in your organisation")


async def test_the_timestamps_of_a_history_have_no_fraction(attendee: Attendee) -> None:
    enrollment_id = await attendee.attends()
    await attendee.client.patch(f"{ENROLLMENTS}/{enrollment_id}/complete", {})
    await attendee.record(enrollment_id, status="completed")
    [record] = exactly((await attendee.ask()).text)["data"]
    assert record["completed_at"].endswith("+00:00")
    assert len(record["completed_at"]) == len("2025-07-01T00:00:00+00:00")
