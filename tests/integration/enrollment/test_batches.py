"""Commands that share a transaction are answered as if each had come alone, one after the other."""

import json
from collections.abc import AsyncIterator

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
