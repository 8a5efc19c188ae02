"""Who loses clearance and who gains it, whatever the reason: a worker looks at the people whom something concerns.

What is looked at was committed before, and what is found is written with its events in one transaction: a worker that
ends at any moment has taken nothing and said nothing, or all of it.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from services.enrollment.standings import NOTHING, Change, Facts, changes, standings_of
from services.enrollment.store import standings as store
from services.enrollment.store.standings import Row
from services.enrollment.use_cases import SOURCE
from shared.concurrency.backoff import Backoff
from shared.errors import Unavailable
from shared.events.states import AskedOf, ClearanceState
from shared.events.types import ClearanceGained, ClearanceLost, Event
from shared.messaging import outbox
from shared.messaging.retrying import retry_forever
from shared.observability import Trace, own_trace
from shared.postgres.pool import Connection, Pool, plan_anew, transaction
from shared.postgres.row_security import EVERY_ORGANISATION

log = logging.getLogger(__name__)

BATCH = 100
"""People of a transaction who are marked, of whom time is up, and of a walk: so many of each at most."""
EVENTS = 1000
"""Events that one statement adds at most, so that none runs into its time limit."""
IN_BULK_FROM = 100
"""Events of one look for which no other event should wait: something concerns everybody, or a day begins."""
LOOK_INTERVAL = 1.0
"""Seconds between two searches for people to look at."""

_EVENTS: Final[Mapping[str, type[Event[ClearanceState]]]] = {"lost": ClearanceLost, "gained": ClearanceGained}


async def follow_standings(pool: Pool) -> None:
    """Runs until cancelled. Any number of workers may run it, and end at any moment."""
    await retry_forever(partial(_follow, pool), "following who is cleared", longest_pause=30.0)


async def _follow(pool: Pool, backoff: Backoff) -> None:
    while True:
        while await look_around(pool):
            pass
        backoff.reset()
        await asyncio.sleep(LOOK_INTERVAL)


async def look_around(pool: Pool) -> bool:
    """Looks at some people of each organisation that has any to look at; whether there were any.

    What cannot be worked out in one organisation keeps no other from its turn.
    """
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        organisations = await store.waiting(connection)
    found = False
    for organisation_id in organisations:
        try:
            found |= await look_at_next(pool, organisation_id)
        except Unavailable:
            raise
        except Exception:
            log.exception("who is cleared cannot be worked out in organisation %d", organisation_id)
    return found


async def look_at_next(pool: Pool, organisation_id: int) -> bool:
    """Whether there was anybody to look at, and nobody else was looking at them."""
    async with transaction(pool, [organisation_id]) as connection:
        if not await store.take_turn(connection, organisation_id):
            return False
        people = await store.take_people(connection, organisation_id, BATCH)
        if people and len(people) >= BATCH:  # there may be an import
            await plan_anew(connection)
        if people:
            await _look(connection, organisation_id, people)
        return people is not None


async def _look(connection: Connection, organisation_id: int, people: Sequence[int]) -> None:
    facts = await store.facts(connection, organisation_id, people)
    trace = own_trace()
    rows: list[Row] = []
    events: list[Event[ClearanceState]] = []
    for person_id, found in standings_of(facts, people).items():
        kept, person = facts.kept.get(person_id), facts.people.get(person_id)
        if kept is None and found == NOTHING:
            continue
        version, lacked = (0, ()) if kept is None else (kept.version, kept.lacking)
        # Somebody who left neither loses nor gains.
        changed = [] if person is None else changes(lacked, found.lacking)
        company_id = None if person is None else person.company_id
        rows.append(Row(person_id, company_id, version + len(changed), found))
        events += [
            _event(organisation_id, person_id, version + number, change, facts, trace)
            for number, change in enumerate(changed, 1)
        ]
    await store.save(connection, organisation_id, rows)
    if len(events) >= IN_BULK_FROM:
        await outbox.put_in_bulk(connection)
    for start in range(0, len(events), EVENTS):
        await outbox.add(connection, SOURCE, events[start : start + EVENTS])


def _event(
    organisation_id: int, person_id: int, version: int, change: Change, facts: Facts, trace: Trace
) -> Event[ClearanceState]:
    asked = facts.requirements.get(change.requirement_id) or facts.removed[change.requirement_id]
    projects = None if asked.project_ids is None else tuple(sorted(asked.project_ids))
    state = ClearanceState(
        id=person_id,
        version=version,
        employee_id=person_id,
        requirement=AskedOf(id=asked.id, name=asked.name, project_ids=projects),
        lacking=change.lacking,
    )
    return _EVENTS[change.kind](organisation_id, state, trace)
