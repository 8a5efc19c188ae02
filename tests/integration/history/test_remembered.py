"""A closed record shows what was true when it closed, and is found by it; an open one follows (contract, section 5)."""

from typing import Any

import pytest

from services.enrollment import transitions
from shared.events.states import EnrollmentState, Remembered
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.history_client import Attendee
from tests.support.lifecycle import changed
from tests.support.world import COURSES, EMPLOYEES, ENROLLMENTS, SESSIONS, new_employee

OLD, NEW = {"id": 1, "name": "Old"}, {"id": 2, "name": "New"}
COURSE = {"title": "Old", "labels": [OLD]}
SESSION = {"session_name": "Old", "location": "Old", "projects": [OLD]}
SHOWN = {
    "type": "offline",
    "training_name": "Old",
    "training_type": "session",
    "projects": ["Old"],
    "labels": ["Old"],
    "session_name": "Old",
    "venue": "Old",
    "company": "Old",
}
SHOWN_LATER = {
    "type": "online",
    "training_name": "New",
    "training_type": "course",
    "projects": ["New"],
    "labels": ["New"],
    "session_name": "New",
    "venue": None,
    "company": "New",
}
BY = {"company_id": (1, 2), "project_id": (1, 2), "label_id": (1, 2), "type": ("offline", "online")}
"""Filters, with what finds the record as it was and as it would be now."""


@pytest.fixture
async def worker(admin: Client) -> Attendee:
    return Attendee(admin, await new_employee(admin, company=OLD))


async def everything_is_renamed(worker: Attendee, enrollment_id: int) -> None:
    session = (await worker.client.get(f"{ENROLLMENTS}/{enrollment_id}")).data["session"]
    course = {"title": "New", "delivery_mode": "online", "labels": [NEW]}
    await worker.client.patch(f"{COURSES}/{session['course']['id']}", course)
    new_session = {"session_name": "New", "location": "New", "projects": [NEW]}
    await worker.client.patch(f"{SESSIONS}/{session['id']}", new_session)
    person = {"employee_id": "E", "full_name": "Moved", "company": NEW}
    assert (await worker.client.put(f"{EMPLOYEES}/{worker.id}", person)).status == 200


async def shown(worker: Attendee, enrollment_id: int) -> dict[str, Any]:
    record = await worker.record(enrollment_id)
    session, company = record["session"], record["person"]["company"]
    return {name: record[name] for name in SHOWN if name in record} | {
        "session_name": session["name"],
        "venue": session["venue"],
        "company": company,
    }


async def comes_to_show(worker: Attendee, enrollment_id: int, expected: dict[str, Any]) -> None:
    async def so() -> bool:
        assert await shown(worker, enrollment_id) == expected
        return True

    await eventually(so)


CLOSING: dict[str, tuple[str, Any]] = {
    "completed": ("complete", {"score": 80}),
    "failed": ("complete", {"score": 20}),
    "absent": ("absent", None),
    "cancelled": ("cancel", None),
}


async def two_in_one_course(worker: Attendee, how: str) -> tuple[int, int]:
    """A closed and an open enrollment of one person, in sessions of one course, when everything is new."""
    closed = await worker.attends({**COURSE, "pass_score": 50}, **SESSION)
    still_open = await worker.attends(COURSE, **SESSION)
    await comes_to_show(worker, still_open, SHOWN)
    await changed(worker.client, closed, *CLOSING[how])
    await worker.record(closed, status="cancelled" if how == "cancelled" else "completed")
    for enrollment_id in (closed, still_open):
        await everything_is_renamed(worker, enrollment_id)
    await comes_to_show(worker, still_open, SHOWN_LATER)
    return closed, still_open


@pytest.mark.parametrize("how", CLOSING)
async def test_what_is_closed_stays_as_it_was_and_what_is_open_follows(worker: Attendee, how: str) -> None:
    closed, still_open = await two_in_one_course(worker, how)
    await comes_to_show(worker, closed, SHOWN)
    for name, (old, new) in BY.items():
        assert await worker.found(**{name: old}) == [closed], name
        assert await worker.found(**{name: new}) == [still_open], name


async def test_a_correction_keeps_what_was_remembered(worker: Attendee) -> None:
    closed, _ = await two_in_one_course(worker, "failed")
    await changed(worker.client, closed, "complete", {"score": 90})
    await worker.record(closed, result="passed")
    await comes_to_show(worker, closed, SHOWN)


async def test_a_cancelled_session_leaves_records_as_they_were(worker: Attendee) -> None:
    enrollment_id = await worker.attends(COURSE, **SESSION)
    session = (await worker.client.get(f"{ENROLLMENTS}/{enrollment_id}")).data["session"]
    await worker.client.patch(f"{SESSIONS}/{session['id']}", {"status": "cancelled"})
    await worker.record(enrollment_id, status="cancelled")
    witness = await worker.attends(COURSE, **SESSION)
    for each in (enrollment_id, witness):
        await everything_is_renamed(worker, each)
    await comes_to_show(worker, witness, SHOWN_LATER)
    await comes_to_show(worker, enrollment_id, SHOWN)


async def test_a_person_who_was_removed_and_comes_back_has_the_records_as_they_were(worker: Attendee) -> None:
    enrollment_id = await worker.attends(COURSE, **SESSION)
    assert (await worker.client.delete(f"{EMPLOYEES}/{worker.id}")).status == 200
    person = {"employee_id": "E", "full_name": "Back", "company": NEW}
    assert (await worker.client.put(f"{EMPLOYEES}/{worker.id}", person)).status == 201
    await worker.record(enrollment_id, status="cancelled")
    witness = await worker.attends(COURSE, **SESSION)
    for each in (enrollment_id, witness):
        await everything_is_renamed(worker, each)
    await comes_to_show(worker, witness, SHOWN_LATER)
    await comes_to_show(worker, enrollment_id, SHOWN)


async def test_control_without_the_capture_the_record_follows(
    worker: Attendee, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget(before: EnrollmentState, after: EnrollmentState, current: Remembered | None) -> EnrollmentState:
        return after

    monkeypatch.setattr(transitions, "remembering", forget)
    closed, still_open = await two_in_one_course(worker, "completed")
    await comes_to_show(worker, closed, SHOWN_LATER)
    assert sorted(await worker.found(company_id=2)) == sorted([closed, still_open])
