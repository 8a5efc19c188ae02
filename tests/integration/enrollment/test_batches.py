"""Commands that share a transaction are answered as if each had come alone, one after the other."""

import json
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.enrollment.use_cases.enroll import enroll_together
from shared.http.responses import Answer
from shared.postgres.pool import Pool, connection_pool
from tests.support.enrollment_rows import command, enrollment_database, new_people, new_session


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, connection_pool(url, name="test") as pool:
        yield pool


async def test_those_who_wait_are_told_places_one_behind_the_other(pool: Pool) -> None:
    session_id = await new_session(pool, places=2)
    people = await new_people(pool, 5)
    groups = (people[0],), (people[1], people[2]), (people[3],), (people[4],)
    outcomes = await enroll_together(pool, [command(session_id, *group, waitlist=True) for group in groups])
    places = [
        enrollment.get("waitlist_position")
        for outcome in outcomes
        if isinstance(outcome, Answer)
        for enrollment in json.loads(outcome.text)["data"]["enrollments"]
    ]
    assert places == [None, None, 1, 2, 3]


async def test_a_command_that_the_driver_refuses_is_refused_alone(pool: Pool) -> None:
    """asyncpg cannot encode the id, so no command of the transaction reaches PostgreSQL."""
    session_id = await new_session(pool, places=5)
    first, second = await new_people(pool, 2)
    commands = [command(session_id, first), command(session_id, 10**30), command(session_id, second)]
    granted, refused, granted_too = await enroll_together(pool, commands)
    assert isinstance(granted, Answer)
    assert isinstance(granted_too, Answer)
    assert isinstance(refused, asyncpg.DataError)
