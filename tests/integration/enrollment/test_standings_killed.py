"""A worker that is killed anywhere while it looks at how people stand: each event once, and the same as without."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.postgres.pool import Pool
from tests.faults.crash_points import STANDINGS_POINTS
from tests.support.client import new_organisation
from tests.support.enrollment_rows import enrollment_database, in_scope, warm_pool
from tests.support.forks import fork
from tests.support.service_process import REPOSITORY
from tests.support.standings import differences, look, scoped

pytestmark = pytest.mark.timeout(180)

PEOPLE = 650
BATCH = 100
"""People of one look; each of them has two events."""
STEPS = {
    "organisations found:1": 0,
    "turn taken:1": 0,
    "people taken:1": 0,
    "facts read:1": 0,
    "rows written:1": 0,
    "events in the outbox:1": 0,
    "before the commit:2": 0,
    "after the commit:2": 1,
    "people taken:2": 2,
    "events in the outbox:2": 3,
    "before the commit:4": 4,
    "after the commit:3": 5,
}
"""Where one worker after the other is killed, each at that visit, and the looks that are done then. The first
transaction of each finds the organisations, the second looks at some people, and so on."""

_PEOPLE = """
INSERT INTO people (organisation_id, id, type, employee_id, full_name, created_at)
SELECT $1, id, 'employee', 'E-' || id, 'John Doe', now() FROM generate_series(1, $2::integer) id
"""
_HELD = """
INSERT INTO certifications (organisation_id, course_id, employee_id, enrollment_id, completed_at)
SELECT $1, 1 + id % 2, id, id, now() FROM generate_series(1, $2::integer) id
"""
_ASKED = (
    "INSERT INTO requirements (organisation_id, name, course_ids, label_ids) VALUES ($1, $2, ARRAY[$3::bigint], '{}')"
)
_ASKED_OTHERWISE = "UPDATE requirements SET course_ids = '{2}' WHERE organisation_id = $1"

# Requirements have ids of their own in each organisation, and the same names.
_NAMES = "(SELECT array_agg(name ORDER BY name) FROM requirements r WHERE r.id = ANY({ids}))"
_KEPT = f"SELECT employee_id, version, {_NAMES.format(ids='lacking')} FROM clearances WHERE organisation_id = $1"
_EVENTS = f"""
SELECT state -> 'employee_id', state -> 'version', routing_key, state #>> '{{requirement,name}}',
    {_NAMES.format(ids="ARRAY(SELECT jsonb_array_elements_text(state -> 'lacking')::bigint)")}
FROM outbox, LATERAL (SELECT body::jsonb -> 'data' AS state) AS of
WHERE organisation_id = $1 AND routing_key LIKE 'clearance.%'
"""


@dataclass(frozen=True)
class World:
    """The address of a database of enrollment, and what is in it."""

    url: str
    pool: Pool

    async def begun(self) -> int:
        """An organisation half of whose people lack what is asked, as is known, until something else is asked, and one
        thing more: nobody has looked since then."""
        organisation = new_organisation()
        for statement, *arguments in ((_PEOPLE, PEOPLE), (_HELD, PEOPLE), (_ASKED, "Induction", 1)):
            await scoped(self.pool, str(statement), organisation, *arguments)
        await look(self.pool)
        await scoped(self.pool, _ASKED_OTHERWISE, organisation)
        await scoped(self.pool, _ASKED, organisation, "Heights", 3)
        return organisation

    async def kill(self, step: str, log: Path, without: str = "") -> None:
        """Lets a worker look until it comes to that step."""
        process = await fork(
            "tests.faults.launcher",
            "tests.support.standings_program",
            directory=REPOSITORY,
            environment={
                **os.environ,
                "DATABASE_URL": self.url,
                "CRASH_AT": f"standings: {step}",
                "WITHOUT": without,
            },
            output=log,
        )
        try:
            async with asyncio.timeout(40):
                assert await process.wait() == -signal.SIGKILL
        finally:
            process.send_signal(signal.SIGKILL)

    async def looks(self, organisation: int) -> float:
        """How many looks have said what they found, since something else was asked."""
        return (len(await self.events(organisation)) - PEOPLE // 2) / (2 * BATCH)

    async def kept(self, organisation: int) -> list[Any]:
        return sorted(tuple(row) for row in await in_scope(self.pool, _KEPT, organisation))

    async def events(self, organisation: int) -> list[Any]:
        rows = await in_scope(self.pool, _EVENTS, organisation)
        return sorted((int(person), int(version), *rest) for person, version, *rest in rows)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with enrollment_database() as url, warm_pool(url, 2) as pool:
        yield World(url, pool)


def test_each_step_is_among_them() -> None:
    assert {f"standings: {step.rpartition(':')[0]}" for step in STEPS} == {point.name for point in STANDINGS_POINTS}


async def test_killed_at_each_step_each_event_is_told_once(world: World, tmp_path: Path) -> None:
    undisturbed = await world.begun()
    await look(world.pool)
    organisation = await world.begun()
    for step, looks in STEPS.items():
        await world.kill(step, tmp_path / "worker.log")
        assert await world.looks(organisation) == looks, step
    await look(world.pool)
    events = await world.events(organisation)
    assert events == await world.events(undisturbed)
    assert len({(person, version) for person, version, *_ in events}) == len(events) == PEOPLE // 2 + 2 * PEOPLE
    assert {kind for _, _, kind, *_ in events} == {"clearance.lost", "clearance.gained"}
    assert await world.kept(organisation) == await world.kept(undisturbed)
    assert await differences(world.pool) == []
    assert await in_scope(world.pool, "SELECT organisation_id FROM clearance_marks") == []
    assert await in_scope(world.pool, "SELECT organisation_id FROM clearance_walks") == []


async def test_control_without_one_transaction_events_are_lost(world: World, tmp_path: Path) -> None:
    organisation = await world.begun()
    await world.kill("after the commit:2", tmp_path / "worker.log", without="outbox transaction")
    assert await world.looks(organisation) == 0
    await look(world.pool)
    assert len(await world.events(organisation)) == PEOPLE // 2 + 2 * PEOPLE - 2 * BATCH
