"""A lower capacity: never below the seats that are taken, whoever enrolls at the same moment (contract, section 3)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.catalog.enrollment_client import EnrollmentClient
from services.enrollment.store import catalog_replica
from services.enrollment.use_cases import sessions
from tests.integration.enrollment.seats_world import World, nobody
from tests.support.client import Client
from tests.support.enrollment_rows import enrollment_database, warm_pool
from tests.support.eventually import eventually
from tests.support.guards import without
from tests.support.lifecycle import catalog_counts, changed, line_up, statuses_of
from tests.support.services_apart import catalog_without_enrollment
from tests.support.stack import Stack
from tests.support.world import SESSIONS, ask_to_enroll, enroll, new_course, new_employee, new_employees, new_session

KEY = (1, 11)
"""A session of the small world, which has two places."""


async def lower(client: Client, session_id: int, places: int) -> tuple[int, str]:
    answer = await client.patch(f"{SESSIONS}/{session_id}", {"max_participants": places})
    return answer.status, answer.json.get("code", "")


async def places(client: Client, session_id: int) -> int:
    return int((await client.get(f"{SESSIONS}/{session_id}")).data["max_participants"])


@pytest.mark.parametrize(
    ("wanted", "expected"), [(2, (422, "capacity_below_enrolled")), (3, (200, "")), (4, (200, "")), (9, (200, ""))]
)
async def test_the_seats_taken_bound_the_places(admin: Client, wanted: int, expected: tuple[int, str]) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=5)
    await enroll(admin, session_id, *await new_employees(admin, 3))
    assert await lower(admin, session_id, wanted) == expected
    assert await places(admin, session_id) == (wanted if expected[0] == 200 else 5)


async def test_a_refusal_says_how_many_are_enrolled_and_takes_no_seat_away(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=5)
    await enroll(admin, session_id, *await new_employees(admin, 3))
    refused = await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": 2, "location": "Elsewhere"})
    assert refused.json["errors"] == {"max_participants": ["The session has 3 enrolled; its capacity cannot be less."]}
    assert (await admin.get(f"{SESSIONS}/{session_id}")).data["location"] == "Training Room A"
    await enroll(admin, session_id, *await new_employees(admin, 2))


async def test_places_that_were_taken_away_cannot_be_enrolled_in(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=5)
    await enroll(admin, session_id, *await new_employees(admin, 3))
    assert await lower(admin, session_id, 3) == (200, "")
    assert (await ask_to_enroll(admin, session_id, await new_employee(admin))).json["code"] == "session_full"


async def test_who_waits_and_who_left_take_no_place(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=3)
    enrollments = await line_up(admin, session_id, *await new_employees(admin, 3))
    await changed(admin, enrollments[0], "cancel")
    await changed(admin, enrollments[1], "absent")
    assert await lower(admin, session_id, 1) == (200, "")
    [waiting] = await line_up(admin, session_id, await new_employee(admin))
    assert await statuses_of(admin, waiting) == ["waitlisted"]
    assert await lower(admin, session_id, 1) == (200, "")


async def test_enrolling_and_lowering_at_once_never_ends_with_more_taken_than_there_are(admin: Client) -> None:
    course_id = await new_course(admin)
    for _ in range(4):
        session_id = await new_session(admin, course_id, max_participants=8)
        people = await new_employees(admin, 8)
        await enroll(admin, session_id, *people[:2])
        enrolling = [ask_to_enroll(admin, session_id, person) for person in people[2:]]
        lowering = [lower(admin, session_id, wanted) for wanted in (6, 5, 4, 3)]
        answers, _ = await asyncio.gather(asyncio.gather(*enrolling), asyncio.gather(*lowering))
        taken = 2 + sum(answer.status == 201 for answer in answers)
        await catalog_counts(admin, session_id, taken)
        assert taken <= await places(admin, session_id)


async def test_control_without_asking_enrollment_more_are_taken_than_there_are(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def agreed(*_: Any) -> None:
        pass

    monkeypatch.setattr(EnrollmentClient, "agree_change", agreed)
    session_id = await new_session(admin, await new_course(admin), max_participants=5)
    await enroll(admin, session_id, *await new_employees(admin, 3))
    assert await lower(admin, session_id, 2) == (200, "")
    await catalog_counts(admin, session_id, 3)
    assert await places(admin, session_id) == 2


async def test_while_enrollment_is_away_fewer_places_wait_and_nothing_changes(
    stack: Stack, admin: Client, organisation: int
) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=5)
    before = await admin.get(f"{SESSIONS}/{session_id}")
    async with catalog_without_enrollment(stack) as url:
        alone = stack.direct("catalog", organisation, url=url)
        answer = await alone.patch(f"{SESSIONS}/{session_id}", {"max_participants": 4})
        assert (answer.status, answer.json["code"]) == (503, "upstream_unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
        assert (await admin.get(f"{SESSIONS}/{session_id}")).text == before.text
        assert await lower(alone, session_id, 6) == (200, "")


async def test_a_capacity_that_was_not_committed_ends_with_the_next_change(
    stack: Stack, admin: Client, organisation: int
) -> None:
    session_id = await new_session(admin, await new_course(admin), max_participants=2)
    service = stack.direct("enrollment", organisation, ["internal.seats"])
    agreed = await service.post(f"/internal/sessions/{session_id}/capacity", {"max_participants": 1, "version": 2})
    assert agreed.status == 200, agreed.text
    people = await new_employees(admin, 2)
    assert (await ask_to_enroll(admin, session_id, *people)).json["code"] == "session_full"
    await admin.patch(f"{SESSIONS}/{session_id}", {"location": "Elsewhere"})

    async def all_places_are_back() -> bool:
        return (await ask_to_enroll(admin, session_id, *people)).status == 201

    await eventually(all_places_are_back)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with enrollment_database() as url, warm_pool(url, 4) as pool:
        world = World(pool)
        await world.populate()
        yield world


async def seats_after_late_news(world: World) -> int:
    """One place was agreed on for version 3 while version 2, with four, was still on its way."""
    await sessions.agree_change(world.pool, nobody(), KEY, capacity=1, version=3)
    await world.follow(*KEY, capacity=4, version=2)
    seats: int = await world.pool.fetchval(
        "SELECT seats_max FROM sessions WHERE organisation_id = $1 AND id = $2", *KEY
    )
    return seats


async def test_older_news_cannot_bring_back_places_that_were_agreed_away(world: World) -> None:
    assert await seats_after_late_news(world) == 1
    await world.follow(*KEY, capacity=1, version=3)
    await world.follow(*KEY, capacity=4, version=4)
    assert await world.pool.fetchval("SELECT seats_max FROM sessions WHERE organisation_id = $1 AND id = $2", *KEY) == 4


async def test_control_without_the_version_of_the_agreement_older_news_brings_them_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(
        monkeypatch,
        catalog_replica,
        "_SAVE_SESSIONS",
        "CASE WHEN excluded.version < sessions.seats_agreed_for"
        " THEN least(excluded.seats_max, sessions.seats_max) ELSE excluded.seats_max END",
        "excluded.seats_max",
    )
    assert await seats_after_late_news(world) == 4
