"""Two changes of one row at once: neither undoes the other. The guard is the row lock; controls take it out."""

import asyncio

import pytest

from services.catalog.enrollment_client import EnrollmentClient
from services.catalog.store import courses, sessions
from services.catalog.use_cases import courses as course_use_cases
from services.catalog.use_cases import sessions as session_use_cases
from shared.postgres.audit import Actor
from shared.postgres.pool import Pool
from tests.support.client import Client
from tests.support.races import hold_after, without_lock
from tests.support.world import COURSES, SESSIONS, new_course, new_session

ACTOR = Actor("test", "Test")


async def test_changes_of_one_course_at_once_all_stay(admin: Client) -> None:
    course = f"{COURSES}/{await new_course(admin)}"
    changes = {"title": "B", "provider_name": "P", "description": "D", "pass_score": 50, "validity_months": 6}
    await asyncio.gather(*(admin.patch(course, {name: value}) for name, value in changes.items()))
    answer = (await admin.get(course)).data
    assert {name: answer[name] for name in changes} == changes


async def test_changes_of_one_session_at_once_all_stay(admin: Client) -> None:
    session = f"{SESSIONS}/{await new_session(admin, await new_course(admin))}"
    changes = {"session_name": "B", "location": "L", "max_participants": 25, "status": "in_progress"}
    await asyncio.gather(*(admin.patch(session, {name: value}) for name, value in changes.items()))
    answer = (await admin.get(session)).data
    assert {name: answer[name] for name in changes} == changes


async def test_fewer_places_and_other_changes_at_once_stay_or_are_refused(admin: Client) -> None:
    session = f"{SESSIONS}/{await new_session(admin, await new_course(admin))}"
    changes = {"session_name": "B", "location": "L", "max_participants": 7, "status": "in_progress"}
    answers = await asyncio.gather(*(admin.patch(session, {name: value}) for name, value in changes.items()))
    assert {answer.status for answer in answers} <= {200, 409}
    found = (await admin.get(session)).data
    stayed = {name for name, value in changes.items() if found[name] == value}
    assert stayed == {name for name, answer in zip(changes, answers, strict=True) if answer.status == 200}


async def test_control_without_the_lock_a_change_of_a_course_is_lost(
    pool: Pool, enrollment: EnrollmentClient, admin: Client, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    course_id = await new_course(admin)
    without_lock(monkeypatch, courses, "lock")
    hold_after(monkeypatch, courses, "lock", parties=2)
    await asyncio.gather(
        course_use_cases.change_course(pool, enrollment, organisation, course_id, {"title": "B"}, ACTOR),
        course_use_cases.change_course(pool, enrollment, organisation, course_id, {"description": "D"}, ACTOR),
    )
    answer = (await admin.get(f"{COURSES}/{course_id}")).data
    assert (answer["title"], answer["description"]) != ("B", "D")


async def test_control_without_the_lock_a_change_of_a_session_is_lost(
    pool: Pool, enrollment: EnrollmentClient, admin: Client, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await new_session(admin, await new_course(admin))
    without_lock(monkeypatch, sessions, "lock")
    hold_after(monkeypatch, sessions, "lock", parties=2)
    await asyncio.gather(
        session_use_cases.change_session(pool, enrollment, organisation, session_id, {"session_name": "B"}, ACTOR),
        session_use_cases.change_session(pool, enrollment, organisation, session_id, {"location": "L"}, ACTOR),
    )
    answer = (await admin.get(f"{SESSIONS}/{session_id}")).data
    assert (answer["session_name"], answer["location"]) != ("B", "L")
