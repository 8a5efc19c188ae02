"""What the catalog notifies enrollment of: the newest version counts, in the organisation of the token alone."""

import json
from typing import Any

import pytest

from services.enrollment.schemas import MAX_NOTIFIED
from tests.support import events
from tests.support.client import Answer, Client, new_organisation
from tests.support.stack import Stack
from tests.support.world import ask_to_enroll, enroll, new_course, new_employee, new_session


@pytest.fixture
def catalog(stack: Stack, organisation: int) -> Client:
    """The catalog, as enrollment sees it."""
    return stack.direct("enrollment", organisation, ["internal.seats"])


async def full_session(admin: Client) -> tuple[int, int]:
    """Its course and its id."""
    course_id = await new_course(admin)
    session_id = await new_session(admin, course_id, max_participants=1)
    await enroll(admin, session_id, await new_employee(admin))
    return course_id, session_id


def state(course_id: int, session_id: int, version: int, **fields: Any) -> dict[str, Any]:
    event = events.session(1, session_id, course_id=course_id, max_participants=2)
    return {**json.loads(event.data.model_dump_json()), "version": version, **fields}


async def notify(catalog: Client, *sessions: dict[str, Any]) -> Answer:
    return await catalog.post("/internal/changes", {"sessions": list(sessions)})


async def has_place(admin: Client, session_id: int) -> bool:
    return (await ask_to_enroll(admin, session_id, await new_employee(admin))).status == 201


async def test_a_newer_version_is_followed_with_what_a_later_release_adds_to_it(admin: Client, catalog: Client) -> None:
    course_id, session_id = await full_session(admin)
    assert (await notify(catalog, state(course_id, session_id, 2, language="en"))).status == 200
    assert await has_place(admin, session_id)


async def test_an_older_version_changes_nothing(admin: Client, catalog: Client) -> None:
    course_id, session_id = await full_session(admin)
    assert (await notify(catalog, state(course_id, session_id, 3, max_participants=1))).status == 200
    assert (await notify(catalog, state(course_id, session_id, 2))).status == 200
    assert not await has_place(admin, session_id)


async def test_the_event_that_follows_changes_nothing_more(admin: Client, catalog: Client) -> None:
    course_id, session_id = await full_session(admin)
    for _ in range(2):
        assert (await notify(catalog, state(course_id, session_id, 2))).status == 200
    assert [await has_place(admin, session_id) for _ in range(2)] == [True, False]


async def test_another_organisation_is_not_changed(stack: Stack, admin: Client) -> None:
    course_id, session_id = await full_session(admin)
    other = stack.direct("enrollment", new_organisation(), ["internal.seats"])
    assert (await notify(other, state(course_id, session_id, 2))).status == 200
    assert not await has_place(admin, session_id)


async def test_a_cancelled_session_cancels_its_enrollments_once(admin: Client, catalog: Client) -> None:
    course_id, session_id = await full_session(admin)
    for version in (2, 2, 3):
        assert (await notify(catalog, state(course_id, session_id, version, status="cancelled"))).status == 200
    [enrollment] = (await admin.get("/api/v1/training/enrollments", session_id=session_id)).data
    trail = (await admin.get(f"/api/v1/training/enrollments/{enrollment['id']}/audit")).data
    assert [entry["action"] for entry in trail] == ["enrollment.created", "enrollment.cancelled"]


async def test_a_request_has_a_bound(catalog: Client) -> None:
    many = [state(1, number, 1) for number in range(1, MAX_NOTIFIED + 2)]
    assert (await notify(catalog, *many)).status == 422
