"""Following a session inside the service: one connection listens while somebody follows, and nothing is missed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from services.enrollment.live_seats import LiveSeats
from shared.concurrency.tasks import background
from shared.http.event_stream import EventReader
from shared.postgres.pool import Pool, connected
from tests.support.enrollment_rows import (
    ORGANISATION,
    enroll,
    enrollment_database,
    execute,
    new_people,
    new_session,
    warm_pool,
)
from tests.support.eventually import eventually

DEADLINE = 20.0
_LISTENERS = """
SELECT pid FROM pg_stat_activity WHERE application_name = 'enrollment live seats' AND datname = current_database()
"""


@dataclass
class World:
    pool: Pool
    live: LiveSeats

    async def listeners(self) -> list[int]:
        async with connected(self.pool) as connection:
            return [row["pid"] for row in await connection.fetch(_LISTENERS)]

    @asynccontextmanager
    async def following(self, session_id: int) -> AsyncIterator["Following"]:
        changes = self.live.changes((ORGANISATION, session_id))
        try:
            yield Following(changes)
        finally:
            await changes.aclose()  # type: ignore[attr-defined]  # it is a generator


class Following:
    def __init__(self, changes: AsyncIterator[bytes]) -> None:
        self._changes = changes
        self._reader = EventReader(10_000)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE):
            async for piece in self._changes:
                for event in self._reader.feed(piece):
                    data: dict[str, Any] = json.loads(event.data)
                    return data | {"event": event.name, "version": int(event.event_id)}
        raise AssertionError("the stream ended")

    async def rest(self) -> list[bytes]:
        async with asyncio.timeout(DEADLINE):
            return [piece async for piece in self._changes if piece.strip(b":\n")]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with enrollment_database() as url, warm_pool(url, 3) as pool:
        live = LiveSeats(pool, url)
        async with background(live.run(), name="live seats"):
            yield World(pool, live)


async def test_the_state_comes_first_and_then_each_change(world: World) -> None:
    session_id, [person] = await new_session(world.pool, 3), await new_people(world.pool, 1)
    async with world.following(session_id) as following:
        first = await following.next()
        assert (first["event"], first["available_spots"], first["version"]) == ("seats", 3, 1)
        await enroll(world.pool, session_id, person)
        assert await following.next() == first | {"enrolled_count": 1, "available_spots": 2, "version": 2}
        await execute(world.pool, "UPDATE sessions SET removed = true WHERE id = $1", session_id)
        gone = {"event": "removed", "session_id": session_id, "version": 3}
        assert await following.next() == gone


async def test_one_connection_listens_while_anybody_follows(world: World) -> None:
    sessions = [await new_session(world.pool, 3) for _ in range(3)]
    assert await world.listeners() == []
    async with world.following(sessions[0]) as one, world.following(sessions[1]) as two:
        await one.next()
        await two.next()
        async with world.following(sessions[1]) as three:
            await three.next()
            assert len(await world.listeners()) == 1

    async def nobody_listens() -> bool:
        return await world.listeners() == []

    await eventually(nobody_listens)


async def change_while_nobody_listens(world: World, session_id: int) -> None:
    [listener] = await world.listeners()
    people = await new_people(world.pool, 1)
    async with connected(world.pool) as connection:
        await connection.execute("SELECT pg_terminate_backend($1)", listener)
    await enroll(world.pool, session_id, *people)


async def test_what_changed_while_the_connection_was_lost_is_read_anew(world: World) -> None:
    session_id = await new_session(world.pool, 3)
    async with world.following(session_id) as following:
        await following.next()
        await change_while_nobody_listens(world, session_id)
        assert (await following.next())["enrolled_count"] == 1


async def test_control_without_reading_anew_it_is_missed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_: LiveSeats) -> None: ...

    monkeypatch.setattr(LiveSeats, "_read_anew", nothing)
    session_id = await new_session(world.pool, 3)
    async with world.following(session_id) as following:
        await following.next()
        monkeypatch.setattr(LiveSeats, "_hear", lambda *_: None)
        await change_while_nobody_listens(world, session_id)

        async def listens_again() -> bool:
            return len(await world.listeners()) == 1 and world.live._listening.is_set()

        await eventually(listens_again)
        world.live.end()
        assert await following.rest() == []


async def test_who_is_slow_gets_the_newest_state_alone(world: World) -> None:
    session_id, people = await new_session(world.pool, 9), await new_people(world.pool, 5)
    async with world.following(session_id) as slow, world.following(session_id) as quick:
        await slow.next()
        await quick.next()
        for person in people:
            await enroll(world.pool, session_id, person)
            last = await quick.next()
        assert await slow.next() == last


async def test_streams_end_with_the_process(world: World) -> None:
    async with world.following(await new_session(world.pool, 3)) as following:
        await following.next()
        ending = asyncio.Event()
        async with background(world.live.end_with(ending), name="ending"):
            ending.set()
            assert await following.rest() == []


async def show_status(world: World, session_id: int, status: str, more: str = "") -> None:
    """What is shown as the status of a session, as SQL, and what is shown of all beside it."""
    async with connected(world.pool) as connection:
        view = str(await connection.fetchval("SELECT pg_get_viewdef('live_seats')"))
        assert view.count("'status', s.status") == 1
        other = f"'status', CASE s.id WHEN {session_id} THEN {status} ELSE to_json(s.status) END{more}"
        view = view.replace("'status', s.status", other)
        await connection.execute(f"CREATE OR REPLACE VIEW live_seats WITH (security_invoker = true) AS {view}")


async def test_a_session_that_cannot_be_read_costs_those_who_follow_others_nothing(world: World) -> None:
    odd, session_id = [await new_session(world.pool, 3) for _ in range(2)]
    async with world.following(odd) as one, world.following(session_id) as other:
        await one.next()
        await other.next()
        await show_status(world, odd, "'[]'::json")
        await change_while_nobody_listens(world, session_id)
        assert (await other.next())["enrolled_count"] == 1
        async with world.following(session_id) as late:
            assert (await late.next())["enrolled_count"] == 1


async def test_what_a_later_release_adds_is_no_obstacle(world: World) -> None:
    """Its migration runs while processes of this one go on."""
    session_id, [person] = await new_session(world.pool, 3), await new_people(world.pool, 1)
    await show_status(world, session_id, "to_json(s.status)", more=", 'held', 7")
    async with world.following(session_id) as following:
        assert (await following.next())["available_spots"] == 3
        await enroll(world.pool, session_id, person)
        assert "held" not in await following.next()


async def test_who_comes_once_the_process_ends_gets_nothing_from_it(world: World) -> None:
    session_id = await new_session(world.pool, 3)
    world.live.end()
    async with world.following(session_id) as following:
        assert await following.rest() == []
