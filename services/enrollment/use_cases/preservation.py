"""Records that an earlier release closed remember nothing: a worker completes them after the update, in small steps.

It also settles waitlists that no request will: of sessions that such a release completed, and of those who can have a
seat that is free since they have completed a prerequisite again.
"""

import asyncio
from functools import partial

from services.enrollment import transitions
from services.enrollment.store import enrollments as enrollment_store
from services.enrollment.store import preservation as store
from services.enrollment.use_cases import change_set
from services.enrollment.use_cases.change_set import Change
from services.enrollment.use_cases.sessions import settle_waitlists
from shared.concurrency.backoff import Backoff
from shared.events.types import EnrollmentPreserved
from shared.messaging.retrying import retry_forever
from shared.observability import own_trace
from shared.postgres.audit import Actor
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.projections.keys import FIRST, MAX_PAGE
from shared.projections.snapshot import SnapshotClient

FIRST_LOOK = 300.0
"""Seconds after a worker's start. During an update processes of the release before still follow the events, and would
dead-letter `enrollment.preserved` as a type that they do not know."""
LOOK_INTERVAL = 60.0
"""Seconds between two searches: until the update is over, the release before goes on closing enrollments."""
BATCH = 200
PAUSE = 0.2
"""Seconds between two transactions, so that requests and events hardly notice."""
COPIES = ("courses", "sessions")


async def preserve_records(pool: Pool, catalog: SnapshotClient) -> None:
    """Runs until cancelled. Any number of workers may run it, and end at any moment: it continues where it was."""
    await asyncio.sleep(FIRST_LOOK)
    await retry_forever(partial(_preserve, pool, catalog), "preserving records", longest_pause=LOOK_INTERVAL)


async def _preserve(pool: Pool, catalog: SnapshotClient, backoff: Backoff) -> None:
    while True:
        await complete_copies(pool, catalog)
        await settle_waitlists(pool, BATCH)
        more = True
        while more:
            more = await preserve_batch(pool)
            await asyncio.sleep(PAUSE)
        backoff.reset()
        await asyncio.sleep(LOOK_INTERVAL)


async def complete_copies(pool: Pool, catalog: SnapshotClient) -> None:
    """Fetches the details of courses and sessions that were copied without them; raises `Unavailable`."""
    for table in COPIES:
        after = FIRST
        while keys := await _without_details(pool, table, after):
            events = await catalog.current(table, keys)
            async with transaction(pool, EVERY_ORGANISATION) as connection:
                await store.add_details(connection, table, events)
            after = keys[-1]
            await asyncio.sleep(PAUSE)


async def _without_details(pool: Pool, table: str, after: tuple[int, int]) -> list[tuple[int, int]]:
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        return await store.without_details(connection, table, after, MAX_PAGE)


async def preserve_batch(pool: Pool) -> bool:
    """Whether there was a record to complete."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        actor = Actor("enrollment", "Enrollment", own_trace())
        locked = await enrollment_store.lock(connection, await store.lock_forgetful(connection, BATCH))
        changes = [
            Change.of(each, transitions.preserved(each.state, each.current), EnrollmentPreserved, actor)
            for each in locked
        ]
        await change_set.save(connection, changes, {})
        return any(not change.changes_nothing for change in changes)
