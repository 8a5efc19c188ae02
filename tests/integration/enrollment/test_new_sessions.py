"""A session just created can be enrolled in at once, whatever the events' delay (contract, section 4)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.enrollment.errors import SessionNotSelectable
from tests.support.client import new_organisation
from tests.support.lifecycle import transfer
from tests.support.stack import Stack, running_stack
from tests.support.world import (
    COURSES,
    SESSIONS,
    ask_to_enroll,
    course_with_prerequisite,
    enroll,
    new_course,
    new_employee,
    new_employees,
    new_session,
)


@pytest.fixture(scope="module")
async def stack_without_events() -> AsyncIterator[Stack]:
    """The catalog publishes nothing: enrollment hears of no session."""
    async with running_stack(roles={"catalog": "api"}) as stack:
        yield stack


async def test_a_session_just_created_can_be_enrolled_in_at_once(stack_without_events: Stack) -> None:
    admin = stack_without_events.client(new_organisation())
    session_id = await new_session(admin, await new_course(admin), max_participants=2)
    answer = await ask_to_enroll(admin, session_id, await new_employee(admin))
    assert (answer.status, answer.data["session_available_spots"]) == (201, 1)


async def test_the_prerequisites_of_a_session_just_created_count_at_once(stack_without_events: Stack) -> None:
    admin = stack_without_events.client(new_organisation())
    _, advanced = await course_with_prerequisite(admin)
    answer = await ask_to_enroll(admin, advanced, await new_employee(admin))
    assert answer.json["errors"] == {"employee_ids.0": ["The employee has not completed: Basics."]}


async def test_somebody_can_be_transferred_to_a_session_just_created(stack_without_events: Stack) -> None:
    admin = stack_without_events.client(new_organisation())
    course_id = await new_course(admin)
    [enrollment_id] = await enroll(admin, await new_session(admin, course_id), await new_employee(admin))
    other = await new_session(admin, course_id)
    answer = await transfer(admin, enrollment_id, other)
    assert (answer.status, answer.data["session"]["id"]) == (200, other)


@pytest.mark.parametrize("places", [1, 2])
async def test_a_session_just_created_can_get_fewer_places_at_once(stack_without_events: Stack, places: int) -> None:
    admin = stack_without_events.client(new_organisation())
    session_id = await new_session(admin, await new_course(admin), max_participants=3)
    answer = await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": places})
    assert (answer.status, answer.data["max_participants"]) == (200, places)
    people = await new_employees(admin, places + 1)
    assert (await ask_to_enroll(admin, session_id, *people)).json["available_spots"] == places


@pytest.mark.parametrize("path", [COURSES, SESSIONS])
async def test_what_was_just_created_can_be_deleted_at_once(stack_without_events: Stack, path: str) -> None:
    admin = stack_without_events.client(new_organisation())
    course_id = await new_course(admin)
    session_id = await new_session(admin, course_id)
    assert (await admin.delete(f"{path}/{course_id if path == COURSES else session_id}")).status == 200
    answer = await ask_to_enroll(admin, session_id, await new_employee(admin))
    assert answer.json["errors"] == {"session_id": ["The selected session does not exist."]}


async def test_many_at_once_may_ask_for_a_session_just_created(stack_without_events: Stack) -> None:
    admin = stack_without_events.client(new_organisation())
    session_id = await new_session(admin, await new_course(admin), max_participants=5)
    people = await new_employees(admin, 10)
    answers = await asyncio.gather(*(ask_to_enroll(admin, session_id, person) for person in people))
    assert sorted(answer.status for answer in answers) == [201] * 5 + [422] * 5


async def test_control_without_asking_the_catalog_it_would_not_exist(
    stack_without_events: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_asked(*_: Any) -> None:
        raise SessionNotSelectable

    monkeypatch.setattr("services.enrollment.use_cases.sessions.learn", not_asked)
    admin = stack_without_events.client(new_organisation())
    session_id = await new_session(admin, await new_course(admin))
    assert (await ask_to_enroll(admin, session_id, await new_employee(admin))).status == 422
