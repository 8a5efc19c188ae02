"""A status that closes a session counts from its agreement on, and nothing older than its version brings it back."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.enrollment.refusals import EnrollmentRefused
from services.enrollment.store import catalog_replica
from services.enrollment.store import seats as seat_store
from services.enrollment.use_cases import sessions
from tests.integration.enrollment.seats_world import World, nobody
from tests.support.enrollment_rows import enrollment_database, warm_pool
from tests.support.guards import without

KEY = (1, 11)
"""A session of the small world: version 1, two places."""
FIRST, SECOND = 101, 102


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with enrollment_database() as url, warm_pool(url, 4) as pool:
        world = World(pool)
        await world.populate()
        await world.enroll(*KEY, [FIRST], waitlist=False)
        yield world


async def agree(world: World, status: str, version: int) -> None:
    await sessions.agree_change(world.pool, nobody(), KEY, capacity=2, version=version, status=status)


async def is_open(world: World) -> bool:
    try:
        await world.enroll(*KEY, [SECOND], waitlist=False)
    except EnrollmentRefused:
        return False
    return True


async def enrolled(world: World) -> list[str]:
    rows = await world.pool.fetch("SELECT status FROM enrollments ORDER BY id")
    return [row["status"] for row in rows]


async def kept(world: World) -> tuple[Any, ...]:
    """Version, status and what is kept of an agreement."""
    row = await world.pool.fetchrow(
        "SELECT version, status, agreed_status, status_agreed_for, status_agreed_at IS NOT NULL FROM sessions"
        " WHERE organisation_id = $1 AND id = $2",
        *KEY,
    )
    assert row is not None
    return tuple(row)


@pytest.mark.parametrize("status", ["completed", "cancelled"])
async def test_older_news_does_not_open_a_session_that_was_agreed_to_close(world: World, status: str) -> None:
    await agree(world, status, version=3)
    assert not await is_open(world)
    await world.follow(*KEY, capacity=4, version=2)
    assert not await is_open(world)
    assert await kept(world) == (2, "scheduled", status, 3, True)


async def test_nothing_is_cancelled_before_the_catalog_has_committed_it(world: World) -> None:
    await agree(world, "cancelled", version=3)
    await world.follow(*KEY, capacity=4, version=2)
    assert await enrolled(world) == ["enrolled"]
    await world.follow(*KEY, capacity=4, version=3, status="cancelled")
    assert await enrolled(world) == ["cancelled"]
    assert await kept(world) == (3, "cancelled", None, 0, False)


async def test_control_without_waiting_for_the_commit_older_news_cancels(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(
        monkeypatch,
        seat_store,
        "_LOCK_SESSIONS",
        "s.version < s.status_agreed_for AS awaits_commit",
        "false AS awaits_commit",
    )
    await agree(world, "cancelled", version=3)
    await world.follow(*KEY, capacity=4, version=2)
    assert await enrolled(world) == ["cancelled"]


async def test_control_without_the_agreed_status_the_session_stays_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = "CASE WHEN s.version < s.status_agreed_for THEN s.agreed_status ELSE s.status END"
    without(monkeypatch, seat_store, "_LOCK_SESSIONS", guard, "s.status")
    await agree(world, "completed", version=3)
    assert await is_open(world)


async def test_the_version_that_was_agreed_for_decides_whatever_it_says(world: World) -> None:
    await agree(world, "cancelled", version=2)
    await world.follow(*KEY, capacity=2, version=2)
    assert await is_open(world)
    assert await kept(world) == (2, "scheduled", None, 0, False)


async def test_control_without_the_version_an_agreement_would_never_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = "CASE WHEN s.version < s.status_agreed_for THEN s.agreed_status ELSE s.status END"
    without(monkeypatch, seat_store, "_LOCK_SESSIONS", guard, "coalesce(s.agreed_status, s.status)")
    without(
        monkeypatch,
        catalog_replica,
        "_SAVE_SESSIONS",
        "CASE WHEN excluded.version < sessions.status_agreed_for THEN sessions.agreed_status ELSE NULL END",
        "sessions.agreed_status",
    )
    await agree(world, "cancelled", version=2)
    await world.follow(*KEY, capacity=2, version=2)
    assert not await is_open(world)


async def test_an_agreement_that_comes_after_its_version_says_nothing(world: World) -> None:
    await world.follow(*KEY, capacity=2, version=2)
    await agree(world, "cancelled", version=2)
    assert await kept(world) == (2, "scheduled", None, 0, False)
    assert await is_open(world)


async def test_the_agreement_for_the_later_version_stays(world: World) -> None:
    await agree(world, "completed", version=4)
    await agree(world, "cancelled", version=3)
    await world.follow(*KEY, capacity=2, version=3)
    assert await kept(world) == (3, "scheduled", "completed", 4, True)


async def test_what_arrives_late_changes_nothing(world: World) -> None:
    await world.follow(*KEY, capacity=2, version=3, status="completed")
    await world.follow(*KEY, capacity=9, version=2)
    assert (await kept(world))[:2] == (3, "completed")
    assert not await is_open(world)


async def test_control_without_the_version_check_what_arrives_late_opens_the_session(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, catalog_replica, "_SAVE_SESSIONS", "WHERE excluded.version > sessions.version")
    await world.follow(*KEY, capacity=2, version=3, status="completed")
    await world.follow(*KEY, capacity=9, version=2)
    assert await is_open(world)
