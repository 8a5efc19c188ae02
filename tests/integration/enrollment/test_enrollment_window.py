"""People enroll themselves while enrollment is open, and a coordinator at any time (contract, sections 3 and 4)."""

from typing import Any

import pytest

from services.enrollment.store import seats as seat_store
from tests.support.client import Answer, Client
from tests.support.guards import without
from tests.support.lifecycle import transfer
from tests.support.stack import Stack
from tests.support.world import BEGUN, SESSIONS, ask_to_enroll, enroll, new_course, new_employee, new_session

LATER = {"start_date": "2090-05-15T09:00:00Z", "end_date": "2090-05-15T17:00:00Z"}
PAST = {"start_date": "2020-05-15T09:00:00Z", "end_date": "2020-05-15T17:00:00Z"}
LONG_AGO, FAR_OFF = "2020-01-01T00:00:00.000000Z", "2089-01-01T00:00:00.000000Z"
EARLY, LATE = "Enrollment in this session has not opened yet.", "Enrollment in this session has closed."

CASES: list[tuple[str, dict[str, Any], str | None]] = [
    ("in_person", LATER, None),
    ("in_person", {**LATER, "enrollment_opens_at": LONG_AGO, "enrollment_closes_at": FAR_OFF}, None),
    ("in_person", {**LATER, "enrollment_opens_at": FAR_OFF}, EARLY),
    ("in_person", {**LATER, "enrollment_closes_at": LONG_AGO}, LATE),
    ("in_person", BEGUN, LATE),
    ("in_person", {**BEGUN, "enrollment_closes_at": FAR_OFF}, None),
    ("in_person", PAST, LATE),
    ("self_paced", BEGUN, None),
    ("self_paced", PAST, LATE),
]


@pytest.fixture
async def person(admin: Client) -> int:
    return await new_employee(admin)


@pytest.fixture
def participant(stack: Stack, organisation: int, person: int) -> Client:
    permissions = ["api.access", "training.view", "training.enroll.self"]
    return stack.client(organisation, permissions=permissions, employee_id=person)


def outcome(answer: Answer) -> str | None:
    """Why it was refused, or nothing."""
    if answer.status < 300:
        return None
    assert (answer.status, answer.json["code"]) == (422, "enrollment_not_open")
    [reason] = answer.json["errors"]["session_id"]
    assert answer.json["message"] == reason
    return str(reason)


@pytest.mark.parametrize(("mode", "fields", "refusal"), CASES)
async def test_people_enroll_themselves_while_enrollment_is_open(
    admin: Client, participant: Client, person: int, mode: str, fields: dict[str, Any], refusal: str | None
) -> None:
    course_id = await new_course(admin, delivery_mode=mode)
    session_id = await new_session(admin, course_id, **fields)
    assert outcome(await ask_to_enroll(participant, session_id, person)) == refusal
    assert outcome(await ask_to_enroll(admin, session_id, await new_employee(admin))) is None
    if refusal is not None:
        [elsewhere] = await enroll(admin, await new_session(admin, course_id, **LATER), person)
        assert outcome(await transfer(participant, elsewhere, session_id)) == refusal
        assert outcome(await transfer(admin, elsewhere, session_id)) is None


async def test_control_without_the_window_people_enroll_when_it_is_over(
    admin: Client, participant: Client, person: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, seat_store, "_LOCK_SESSIONS", "<= now() THEN 'late'", "<= '-infinity' THEN 'late'")
    session_id = await new_session(admin, await new_course(admin), **PAST)
    assert outcome(await ask_to_enroll(participant, session_id, person)) is None


async def test_the_window_can_be_moved_and_is_shown(admin: Client, participant: Client, person: int) -> None:
    session_id = await new_session(admin, await new_course(admin), **LATER, enrollment_opens_at=FAR_OFF)
    assert outcome(await ask_to_enroll(participant, session_id, person)) == EARLY
    answer = await admin.patch(f"{SESSIONS}/{session_id}", {"enrollment_opens_at": None})
    assert (answer.data["enrollment_opens_at"], answer.data["enrollment_closes_at"]) == (None, None)
    assert outcome(await ask_to_enroll(participant, session_id, person)) is None


@pytest.mark.parametrize("closes", [LONG_AGO, "2019-12-31T23:59:59Z"])
async def test_enrollment_closes_after_it_opens(admin: Client, closes: str) -> None:
    session_id = await new_session(admin, await new_course(admin), **LATER, enrollment_closes_at=closes)
    answer = await admin.patch(f"{SESSIONS}/{session_id}", {"enrollment_opens_at": LONG_AGO})
    assert (answer.status, list(answer.json["errors"])) == (422, ["enrollment_closes_at"])
