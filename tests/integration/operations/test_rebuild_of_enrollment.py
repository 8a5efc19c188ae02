"""Enrollment's copies are put right row by row: seats, waitlist and what is newer stay as they have to be."""

import json
from collections.abc import AsyncIterator, Sequence

import pytest

import services.enrollment.store.catalog_replica
from services.enrollment.projection import PROJECTION
from services.enrollment.rebuild import mend
from shared.events.states import State
from shared.events.types import Event
from shared.postgres.pool import Pool, connection_pool
from shared.projections.keys import Key
from shared.projections.snapshot import SnapshotClient
from shared.service.projection_commands import connected_owners
from tests.support.client import Client
from tests.support.copies import copies_of, everything_is_followed, execute, rebuild, verify
from tests.support.eventually import eventually
from tests.support.guards import without
from tests.support.lifecycle import full_session_with_line, statuses_of
from tests.support.stack import Stack
from tests.support.world import SESSIONS, enroll, new_course, new_employee, new_session

COURSES, SESSION_COPIES = PROJECTION.replicas


@pytest.fixture
async def pool(served: Stack) -> AsyncIterator[Pool]:
    async with connection_pool(served.enrollment_database_url, name="test", size=2) as pool:
        yield pool


@pytest.fixture
async def catalog(served: Stack) -> AsyncIterator[SnapshotClient]:
    async with connected_owners(served.settings["enrollment"], "enrollment", PROJECTION) as owners:
        yield owners["catalog"]


async def test_places_that_a_broken_copy_held_back_go_to_those_who_wait(served: Stack, organisation: int) -> None:
    client = served.client(organisation)
    session_id, seated, line = await full_session_with_line(client)
    await everything_is_followed(served)
    await execute(served, "catalog", "UPDATE sessions SET max_participants = 2 WHERE id = $1", session_id)
    assert (await verify(served, "enrollment")).status == 1
    outcome = await rebuild(served, "enrollment")
    assert (outcome.status, "sessions: 0 added, 1 changed, 0 removed, 0 left" in outcome.output) == (0, True)
    assert await statuses_of(client, seated, *line) == ["enrolled", "enrolled", "waitlisted"]
    assert (await verify(served, "enrollment")).status == 0


async def test_an_unknown_copy_goes_unless_somebody_is_enrolled_there(served: Stack, organisation: int) -> None:
    client = served.client(organisation)
    used, unused = [await new_session(client, await new_course(client)) for _ in range(2)]
    await enroll(client, used, await new_employee(client))
    await everything_is_followed(served)
    await eventually(lambda: has_copy(served, unused))
    before = await copies_of(served, "enrollment")
    moved = "UPDATE sessions SET organisation_id = organisation_id + $2 WHERE id = $1"
    for session_id in (used, unused):
        await execute(served, "catalog", "ALTER TABLE sessions DISABLE TRIGGER ALL")
        await execute(served, "catalog", moved, session_id, 1)
    outcome = await rebuild(served, "enrollment")
    for session_id in (used, unused):
        await execute(served, "catalog", moved, session_id, -1)
    await execute(served, "catalog", "ALTER TABLE sessions ENABLE TRIGGER ALL")
    assert "2 added, 0 changed, 1 removed, 1 left" in outcome.output
    assert (await rebuild(served, "enrollment")).status == 0
    assert await copies_of(served, "enrollment") == before


async def has_copy(stack: Stack, session_id: int) -> bool:
    rows = (await copies_of(stack, "enrollment"))["sessions"]
    return any(json.loads(row)["id"] == session_id for row in rows)


async def test_a_session_closed_for_its_deletion_is_not_opened_again(
    served: Stack, organisation: int, pool: Pool, catalog: SnapshotClient
) -> None:
    client = served.client(organisation)
    session_id = await new_session(client, await new_course(client))
    await eventually(lambda: has_copy(served, session_id))
    await execute(served, "enrollment", "UPDATE sessions SET removed = true WHERE id = $1", session_id)
    assert await mend(pool, catalog, SESSION_COPIES, (organisation, session_id)) == "left"
    await client.patch(f"{SESSIONS}/{session_id}", {"session_name": "Opened again"})

    async def equal() -> bool:
        return (await verify(served, "enrollment")).status == 0

    await eventually(equal)


class LateClient(SnapshotClient):
    """Its answer is overtaken by a change of the session, which enrollment has followed before the answer comes."""

    def __init__(self, catalog: SnapshotClient, client: Client, pool: Pool, session_id: int) -> None:
        self._catalog, self._client, self._pool, self._session_id = catalog, client, pool, session_id
        self._answer: list[Event[State]] = []

    async def current(self, kind: str, keys: Sequence[Key]) -> list[Event[State]]:
        if not self._answer:
            self._answer = await self._catalog.current(kind, keys)
            await self._client.patch(f"{SESSIONS}/{self._session_id}", {"location": "Elsewhere"})
            await eventually(self._followed)
        return self._answer

    async def _followed(self) -> bool:
        return await version(self._pool, self._session_id) == 2


async def version(pool: Pool, session_id: int) -> int:
    return int(await pool.fetchval("SELECT version FROM sessions WHERE id = $1", session_id))


async def corrected_too_late(served: Stack, organisation: int, pool: Pool, catalog: SnapshotClient) -> tuple[str, int]:
    """What became of a session that changed to version 2 meanwhile, and the version it has now."""
    client = served.client(organisation)
    session_id = await new_session(client, await new_course(client))
    await eventually(lambda: has_copy(served, session_id))
    owner = LateClient(catalog, client, pool, session_id)
    outcome = await mend(pool, owner, SESSION_COPIES, (organisation, session_id))
    return outcome, await version(pool, session_id)


async def test_a_copy_that_changed_meanwhile_is_left(
    served: Stack, organisation: int, pool: Pool, catalog: SnapshotClient
) -> None:
    assert await corrected_too_late(served, organisation, pool, catalog) == ("left", 2)


async def test_control_without_the_version_an_older_state_replaces_it(
    served: Stack, organisation: int, pool: Pool, catalog: SnapshotClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, services.enrollment.store.catalog_replica, "_FORGET_VERSION", "AND version = $3", "AND $3 > 0")
    assert await corrected_too_late(served, organisation, pool, catalog) == ("changed", 1)
    assert (await rebuild(served, "enrollment")).status == 0


async def test_news_that_a_wrong_version_has_turned_away_are_not_lost(
    served: Stack, organisation: int, pool: Pool, catalog: SnapshotClient
) -> None:
    client = served.client(organisation)
    session_id = await new_session(client, await new_course(client))
    await eventually(lambda: has_copy(served, session_id))
    await execute(served, "enrollment", "UPDATE sessions SET version = 99 WHERE id = $1", session_id)

    class Overtaken(SnapshotClient):
        """The catalog changes the session right after its first answer."""

        def __init__(self) -> None:
            self.asked = 0

        async def current(self, kind: str, keys: Sequence[Key]) -> list[Event[State]]:
            answer = await catalog.current(kind, keys)
            self.asked += 1
            if self.asked == 1:
                await client.patch(f"{SESSIONS}/{session_id}", {"location": "Elsewhere"})
                await everything_is_followed(served)
            return answer

    owner = Overtaken()
    assert await mend(pool, owner, SESSION_COPIES, (organisation, session_id)) == "changed"
    assert (owner.asked, await version(pool, session_id)) == (2, 2)
