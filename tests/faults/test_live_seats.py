"""Clients who watch a session, at both gateways, while enrollment or its database dies: they miss no change."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.faults.bed import Bed
from tests.faults.disruptions import Disruption, database_connections_ended, database_killed
from tests.support.client import new_organisation
from tests.support.eventually import eventually
from tests.support.watching import watching
from tests.support.world import ask_to_enroll, new_course, new_employees, new_session

SEED = 26

pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def enrollment_process_killed(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    """One of the two that streams come from; it stays away."""
    process = choice.choice(bed.copies_of("enrollment"))
    await process.kill()
    yield
    await process.revive()


@asynccontextmanager
async def enrollment_restarted(bed: Bed, _: random.Random) -> AsyncIterator[None]:
    """Both processes die, and new ones take their place."""
    for process in bed.copies_of("enrollment"):
        await process.kill()
    for process in bed.copies_of("enrollment"):
        await process.revive()
    yield


@asynccontextmanager
async def database_restarted(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    async with database_killed(bed, choice):
        pass
    yield


@pytest.mark.parametrize(
    "broken", [enrollment_process_killed, enrollment_restarted, database_restarted, database_connections_ended]
)
async def test_who_watches_misses_no_change(bed: Bed, broken: Disruption) -> None:
    organisation = new_organisation()
    one, other = [bed.client(organisation, gateway=gateway) for gateway in range(2)]
    session_id, people = await new_session(one, await new_course(one)), await new_employees(one, 2)
    async with watching(one, session_id) as here, watching(other, session_id) as there:
        for watched in (here, there):
            assert (await watched.next()).data["enrolled_count"] == 0
        async with broken(bed, random.Random(SEED)):
            for count, person in enumerate(people, 1):

                async def is_enrolled(person: int = person) -> bool:
                    return (await ask_to_enroll(one, session_id, person)).status in (201, 422)  # by the try before

                await eventually(is_enrolled)
                for watched in (here, there):
                    assert (await watched.until(enrolled_count=count)).name == "seats"
