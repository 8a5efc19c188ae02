"""Deleting courses and sessions: only what nobody was ever enrolled in (contract, section 3)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.catalog.enrollment_client import EnrollmentClient
from services.catalog.store import courses, sessions
from services.enrollment.store import seats as seat_store
from services.enrollment.use_cases import sessions as session_use_cases
from shared.postgres.pool import Pool, connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.integration.enrollment.seats_world import World, nobody
from tests.support.client import Answer, Client, new_organisation
from tests.support.enrollment_rows import enrollment_database, warm_pool
from tests.support.eventually import eventually
from tests.support.guards import without
from tests.support.lifecycle import changed
from tests.support.races import waits_for_a_lock
from tests.support.services_apart import catalog_without_enrollment
from tests.support.stack import Stack
from tests.support.world import (
    COURSES,
    SESSIONS,
    ask_to_enroll,
    enroll,
    new_course,
    new_employee,
    new_session,
)

KEY = (1, 11)
BOTH = pytest.mark.parametrize("path", [COURSES, SESSIONS])
COURSE = {"title": "Advanced", "category": "safety", "delivery_mode": "online", "duration_hours": 1}


async def course_and_session(client: Client) -> dict[str, int]:
    course_id = await new_course(client)
    return {COURSES: course_id, SESSIONS: await new_session(client, course_id)}


@BOTH
async def test_what_has_no_enrollment_can_be_deleted(admin: Client, path: str) -> None:
    ids = await course_and_session(admin)
    answer = await admin.delete(f"{path}/{ids[path]}")
    assert (answer.status, answer.json["success"]) == (200, True)
    for again in (await admin.get(f"{path}/{ids[path]}"), await admin.delete(f"{path}/{ids[path]}")):
        assert (again.status, again.json["code"]) == (404, "not_found")
    assert (await admin.get(path)).json["meta"]["total"] == 0


async def test_a_course_takes_its_sessions_with_it(admin: Client) -> None:
    ids = await course_and_session(admin)
    assert (await admin.delete(f"{COURSES}/{ids[COURSES]}")).status == 200
    assert (await admin.get(f"{SESSIONS}/{ids[SESSIONS]}")).status == 404
    assert await cannot_be_enrolled_in(admin, ids[SESSIONS])


async def test_a_deleted_session_is_counted_no_more(admin: Client) -> None:
    ids = await course_and_session(admin)
    await admin.delete(f"{SESSIONS}/{ids[SESSIONS]}")
    assert (await admin.get(f"{COURSES}/{ids[COURSES]}")).data["total_sessions"] == 0
    assert await cannot_be_enrolled_in(admin, ids[SESSIONS])


async def cannot_be_enrolled_in(client: Client, session_id: int) -> bool:
    answer = await ask_to_enroll(client, session_id, await new_employee(client))
    return bool(answer.json.get("errors") == {"session_id": ["The selected session does not exist."]})


@pytest.mark.parametrize("end", [None, "cancel", "absent", "complete"])
@BOTH
async def test_what_had_an_enrollment_cannot_be_deleted(admin: Client, path: str, end: str | None) -> None:
    ids = await course_and_session(admin)
    [enrollment_id] = await enroll(admin, ids[SESSIONS], await new_employee(admin))
    if end is not None:
        await changed(admin, enrollment_id, end)
    answer = await admin.delete(f"{path}/{ids[path]}")
    assert (answer.status, answer.json["code"]) == (409, "conflict")
    assert (await admin.get(f"{path}/{ids[path]}")).status == 200
    await enroll(admin, ids[SESSIONS], await new_employee(admin))


async def test_a_course_that_another_asks_for_cannot_be_deleted_until_it_does_no_more(admin: Client) -> None:
    basics = await new_course(admin)
    advanced = await new_course(admin, prerequisites=[basics])
    answer = await admin.delete(f"{COURSES}/{basics}")
    assert (answer.status, answer.json["code"]) == (409, "conflict")
    assert "prerequisite" in answer.json["message"]
    await admin.patch(f"{COURSES}/{advanced}", {"prerequisites": []})
    assert (await admin.delete(f"{COURSES}/{basics}")).status == 200


async def test_the_prerequisites_of_another_organisation_hold_nothing_up(stack: Stack, admin: Client) -> None:
    stranger = stack.client(new_organisation())
    await new_course(stranger, prerequisites=[await new_course(stranger)])
    assert (await admin.delete(f"{COURSES}/{await new_course(admin)}")).status == 200


@BOTH
async def test_while_enrollment_is_away_nothing_is_deleted(
    stack: Stack, admin: Client, organisation: int, path: str
) -> None:
    ids = await course_and_session(admin)
    async with catalog_without_enrollment(stack) as url:
        answer = await stack.direct("catalog", organisation, url=url).delete(f"{path}/{ids[path]}")
    assert (answer.status, answer.json["code"]) == (503, "upstream_unavailable")
    assert (await admin.get(f"{path}/{ids[path]}")).status == 200
    await enroll(admin, ids[SESSIONS], await new_employee(admin))


@BOTH
async def test_of_deleting_and_enrolling_at_once_one_wins(admin: Client, path: str) -> None:
    for _ in range(5):
        ids = await course_and_session(admin)
        person = await new_employee(admin)
        deleted, enrolled = await asyncio.gather(
            admin.delete(f"{path}/{ids[path]}"), ask_to_enroll(admin, ids[SESSIONS], person)
        )
        assert (deleted.status, enrolled.status) in ((200, 422), (409, 201))


async def test_control_without_asking_enrollment_a_session_with_an_enrollment_is_deleted(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_asked(*_: Any) -> None:
        pass

    monkeypatch.setattr(EnrollmentClient, "close_sessions", not_asked)
    ids = await course_and_session(admin)
    await enroll(admin, ids[SESSIONS], await new_employee(admin))
    assert (await admin.delete(f"{SESSIONS}/{ids[SESSIONS]}")).status == 200


async def test_a_course_goes_with_all_its_sessions_or_with_none(admin: Client) -> None:
    ids = await course_and_session(admin)
    await new_session(admin, ids[COURSES])
    enrolled = await new_session(admin, ids[COURSES])
    assert (await enroll(admin, enrolled, await new_employee(admin))) != []
    assert (await admin.delete(f"{COURSES}/{ids[COURSES]}")).status == 409
    other = await course_and_session(admin)
    await new_session(admin, other[COURSES])
    assert (await admin.delete(f"{COURSES}/{other[COURSES]}")).status == 200
    assert (await admin.get(f"{SESSIONS}/{other[SESSIONS]}")).status == 404


@BOTH
async def test_of_deleting_many_times_at_once_one_is_told_so(admin: Client, path: str) -> None:
    ids = await course_and_session(admin)
    answers = await asyncio.gather(*(admin.delete(f"{path}/{ids[path]}") for _ in range(4)))
    statuses = [answer.status for answer in answers]
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 404, 409}


@BOTH
async def test_a_change_that_comes_between_keeps_the_row(
    admin: Client, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await course_and_session(admin)
    close_sessions = EnrollmentClient.close_sessions

    async def changed_meanwhile(self: EnrollmentClient, *arguments: Any) -> None:
        await close_sessions(self, *arguments)
        await admin.patch(f"{SESSIONS}/{ids[SESSIONS]}", {"location": "Elsewhere"})

    monkeypatch.setattr(EnrollmentClient, "close_sessions", changed_meanwhile)
    answer = await admin.delete(f"{path}/{ids[path]}")
    assert (answer.status, answer.json["code"]) == (409, "conflict")

    async def is_open_again() -> bool:
        return (await ask_to_enroll(admin, ids[SESSIONS], await new_employee(admin))).status == 201

    await eventually(is_open_again)


@pytest.fixture
async def catalog(stack: Stack) -> AsyncIterator[Pool]:
    async with connection_pool(stack.catalog_database_url, name="test") as pool:
        yield pool


async def delete_while_it_is_named(
    admin: Client, catalog: Pool, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any], course_id: int
) -> tuple[Answer, Answer]:
    """Something new that names the course has found it, and is not written yet, when the course is deleted."""
    existing_courses, found, may_go_on = courses.existing, asyncio.Event(), asyncio.Event()

    async def held(*arguments: Any) -> set[int]:
        existing = await existing_courses(*arguments)
        found.set()
        await may_go_on.wait()
        return existing

    monkeypatch.setattr(courses, "existing", held)
    naming = asyncio.create_task(admin.post(path, body))
    await asyncio.wait_for(found.wait(), 10)
    deleting = asyncio.create_task(admin.delete(f"{COURSES}/{course_id}"))
    try:
        await eventually(lambda: _is_done_or_waits(deleting, catalog))
    finally:
        may_go_on.set()
    return await naming, await deleting


async def _is_done_or_waits(task: "asyncio.Task[Answer]", pool: Pool) -> bool:
    return task.done() or await waits_for_a_lock(pool)


async def test_a_course_is_not_deleted_while_another_begins_to_ask_for_it(
    admin: Client, catalog: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    basics = await new_course(admin)
    body = {**COURSE, "prerequisites": [basics]}
    created, deleted = await delete_while_it_is_named(admin, catalog, monkeypatch, COURSES, body, basics)
    assert (created.status, deleted.status) == (201, 409)
    assert [course["id"] for course in created.data["prerequisites"]] == [basics]


async def test_control_without_the_share_lock_a_course_asks_for_one_that_is_gone(
    admin: Client, catalog: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, courses, "_EXISTING", "FOR KEY SHARE")
    basics = await new_course(admin)
    body = {**COURSE, "prerequisites": [basics]}
    created, deleted = await delete_while_it_is_named(admin, catalog, monkeypatch, COURSES, body, basics)
    assert (created.status, deleted.status) == (201, 200)


async def test_a_course_is_not_deleted_while_it_gets_a_session(
    admin: Client, catalog: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    course_id = await new_course(admin)
    body = {
        "course_id": course_id,
        "session_name": "May",
        "start_date": "2030-05-15T09:00:00Z",
        "end_date": "2030-05-15T17:00:00Z",
        "max_participants": 5,
    }
    created, deleted = await delete_while_it_is_named(admin, catalog, monkeypatch, SESSIONS, body, course_id)
    assert created.status == 201
    assert deleted.status == 409
    assert (await admin.get(f"{COURSES}/{course_id}")).data["total_sessions"] == 1


async def test_a_session_that_is_deleted_waits_for_its_course_before_it_is_held(admin: Client, catalog: Pool) -> None:
    ids = await course_and_session(admin)
    organisation: int = await catalog.fetchval("SELECT organisation_id FROM courses WHERE id = $1", ids[COURSES])
    async with transaction(catalog, EVERY_ORGANISATION) as connection:
        await courses.lock_to_delete(connection, organisation, ids[COURSES])
        deleting = asyncio.create_task(admin.delete(f"{SESSIONS}/{ids[SESSIONS]}"))
        await eventually(lambda: _is_done_or_waits(deleting, catalog))
        assert list(await sessions.of_course(connection, organisation, ids[COURSES])) == [ids[SESSIONS]]
    assert (await deleting).status == 200


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with enrollment_database() as url, warm_pool(url, 4) as pool:
        world = World(pool)
        await world.populate()
        yield world


async def is_open_after_late_news(world: World) -> bool:
    """The catalog asked to close the session in version 2, which was still on its way."""
    await session_use_cases.close(world.pool, nobody(), {KEY: 2})
    await world.follow(*KEY, capacity=5, version=2)
    removed: bool = await world.pool.fetchval(
        "SELECT removed FROM sessions WHERE organisation_id = $1 AND id = $2", *KEY
    )
    return not removed


async def test_late_news_does_not_open_a_session_that_was_closed(world: World) -> None:
    assert not await is_open_after_late_news(world)


async def test_control_without_the_version_of_the_wish_late_news_opens_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, seat_store, "_CLOSE_SESSIONS", "greatest(s.version, closed.version)", "s.version")
    assert await is_open_after_late_news(world)


async def test_a_session_that_was_closed_opens_with_its_next_version(world: World) -> None:
    assert not await is_open_after_late_news(world)
    await world.follow(*KEY, capacity=5, version=3)
    await world.enroll(*KEY, [101], waitlist=False)
