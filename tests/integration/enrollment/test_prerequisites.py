"""Prerequisites (contract, section 4): completed, not failed, not past their validity, and by the person themselves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.enrollment.store import candidates as candidate_store
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.guards import without
from tests.support.lifecycle import changed, ends_at
from tests.support.stack import Stack
from tests.support.world import (
    COURSES,
    ask_to_enroll,
    course_with_prerequisite,
    enroll,
    new_course,
    new_employee,
    new_employees,
    new_session,
)

MISSING = "The employee has not completed: {}."


async def completed(admin: Client, session_id: int, person: int, **completion: Any) -> int:
    [enrollment_id] = await enroll(admin, session_id, person)
    await changed(admin, enrollment_id, "complete", completion)
    return enrollment_id


async def test_a_missing_prerequisite_is_named(admin: Client) -> None:
    _, advanced = await course_with_prerequisite(admin)
    answer = await ask_to_enroll(admin, advanced, await new_employee(admin))
    assert (answer.status, answer.json["code"]) == (422, "prerequisite_missing")
    assert answer.json["errors"] == {"employee_ids.0": [MISSING.format("Basics")]}


@pytest.mark.parametrize(
    ("course", "score", "status"),
    [
        ({}, None, 201),
        ({"pass_score": 50}, 50, 201),
        ({"pass_score": 50}, 49, 422),
        ({"validity_months": 1}, None, 201),
    ],
)
async def test_a_prerequisite_counts_when_completed_and_not_failed(
    admin: Client, course: dict[str, Any], score: int | None, status: int
) -> None:
    basics, advanced = await course_with_prerequisite(admin, **course)
    person = await new_employee(admin)
    assert (await ask_to_enroll(admin, advanced, person)).status == 422
    await completed(admin, basics, person, score=score)
    assert (await ask_to_enroll(admin, advanced, person)).status == status


@pytest.mark.parametrize("what", ["absent", "cancel"])
async def test_who_stayed_away_lacks_the_prerequisite(admin: Client, what: str) -> None:
    basics, advanced = await course_with_prerequisite(admin)
    person = await new_employee(admin)
    [enrollment_id] = await enroll(admin, basics, person)
    await changed(admin, enrollment_id, what)
    assert (await ask_to_enroll(admin, advanced, person)).json["code"] == "prerequisite_missing"


async def expired(stack: Stack, admin: Client) -> tuple[int, int, int]:
    """A person whose completion has ended, and sessions of the prerequisite and of the course that asks for it."""
    basics, advanced = await course_with_prerequisite(admin, validity_months=12)
    person = await new_employee(admin)
    enrollment_id = await completed(admin, basics, person)
    await ends_at(stack, enrollment_id, datetime.now(UTC) - timedelta(seconds=1))
    return person, basics, advanced


async def test_an_expired_prerequisite_is_missing_until_it_is_renewed(stack: Stack, admin: Client) -> None:
    person, basics, advanced = await expired(stack, admin)
    assert (await ask_to_enroll(admin, advanced, person)).json["code"] == "prerequisite_missing"
    course_id = (await admin.get(f"/api/v1/training/sessions/{basics}")).data["course"]["id"]
    await completed(admin, await new_session(admin, course_id), person)
    assert (await ask_to_enroll(admin, advanced, person)).status == 201


async def test_control_without_the_look_at_its_end_an_expired_one_counts(
    stack: Stack, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, _, advanced = await expired(stack, admin)
    without(monkeypatch, candidate_store, "_CANDIDATES", "AND (done.valid_until IS NULL OR done.valid_until > now())")
    assert (await ask_to_enroll(admin, advanced, person)).status == 201


async def test_a_completion_corrected_to_failed_counts_no_more(admin: Client) -> None:
    basics, advanced = await course_with_prerequisite(admin, pass_score=50)
    person = await new_employee(admin)
    enrollment_id = await completed(admin, basics, person, score=60)
    await changed(admin, enrollment_id, "complete", {"score": 40})
    assert (await ask_to_enroll(admin, advanced, person)).json["code"] == "prerequisite_missing"


async def test_one_persons_completion_is_no_other_persons(admin: Client) -> None:
    basics, advanced = await course_with_prerequisite(admin)
    able, other = await new_employees(admin, 2)
    await completed(admin, basics, able)
    answer = await ask_to_enroll(admin, advanced, able, other)
    assert answer.json["errors"] == {"employee_ids.1": [MISSING.format("Basics")]}


async def test_every_missing_course_is_named_for_everyone_who_lacks_it(admin: Client) -> None:
    first, second = await new_course(admin, title="Ladders"), await new_course(admin, title="Ropes")
    advanced = await new_session(admin, await new_course(admin, prerequisites=[second, first]))
    lacks_both, lacks_one = await new_employees(admin, 2)
    await completed(admin, await new_session(admin, first), lacks_one)
    answer = await ask_to_enroll(admin, advanced, lacks_both, lacks_one)
    assert answer.json["errors"] == {
        "employee_ids.0": [MISSING.format("Ladders"), MISSING.format("Ropes")],
        "employee_ids.1": [MISSING.format("Ropes")],
    }


async def test_a_new_title_is_named(admin: Client) -> None:
    basics = await new_course(admin, title="Basics")
    advanced = await new_session(admin, await new_course(admin, prerequisites=[basics]))
    person = await new_employee(admin)
    await admin.patch(f"{COURSES}/{basics}", {"title": "Essentials"})

    async def is_named() -> bool:
        answer = await ask_to_enroll(admin, advanced, person)
        assert answer.json["errors"] == {"employee_ids.0": [MISSING.format("Essentials")]}
        return True

    await eventually(is_named)


async def test_a_prerequisite_of_the_prerequisite_is_not_asked_for_again(admin: Client) -> None:
    first = await new_course(admin, title="First")
    second = await new_course(admin, title="Second")
    third = await new_session(admin, await new_course(admin, prerequisites=[second]))
    person = await new_employee(admin)
    await completed(admin, await new_session(admin, second), person)
    await admin.patch(f"{COURSES}/{second}", {"prerequisites": [first]})
    assert (await ask_to_enroll(admin, third, person)).status == 201
