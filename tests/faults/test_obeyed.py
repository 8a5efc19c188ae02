"""Enrollment is frozen or killed: the catalog answers within its bound, and is obeyed once enrollment is back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from tests.faults.bed import Bed
from tests.faults.figures import figure
from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.obeyed import CASES, disobeyed, known_session
from tests.support.world import COURSES, ENROLLMENTS, SESSIONS, ask_to_enroll, enroll, new_course, new_employee

pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def frozen(bed: Bed) -> AsyncIterator[None]:
    for process in bed.copies_of("enrollment"):
        process.freeze()
    yield
    for process in bed.copies_of("enrollment"):
        process.thaw()


@asynccontextmanager
async def killed(bed: Bed) -> AsyncIterator[None]:
    for process in bed.copies_of("enrollment"):
        await process.kill()
    yield
    await asyncio.gather(*(process.revive() for process in bed.copies_of("enrollment")))


@pytest.mark.parametrize("broken", [frozen, killed])
async def test_while_enrollment_is_unavailable_the_catalog_answers_and_afterwards_is_obeyed(
    bed: Bed, broken: Callable[[Bed], AbstractAsyncContextManager[None]]
) -> None:
    client = bed.client(7300)
    course_id = await new_course(client, pass_score=50)
    session_id = await known_session(client, course_id, max_participants=1000)
    person = await new_employee(client)
    async with broken(bed):
        acknowledged = await timed(broken.__name__, "a change", 0.5, client, f"{COURSES}/{course_id}", pass_score=80)
        closing = await timed(broken.__name__, "closing", 2.5, client, f"{SESSIONS}/{session_id}", status="cancelled")
    assert (acknowledged.status, closing.status) == (200, 503)
    assert (await client.get(f"{SESSIONS}/{session_id}")).data["status"] == "scheduled"

    async def judged_by_the_new_mark() -> bool:
        """Of another enrollment each time: what was judged by the old mark, before the event came, stays so."""
        [enrollment_id] = await enroll(client, session_id, await new_employee(client))
        answer = await client.patch(f"{ENROLLMENTS}/{enrollment_id}/complete", {"score": 60})
        return bool(answer.status == 200 and answer.data["status"] == "failed")

    async def still_open() -> bool:
        return (await ask_to_enroll(client, session_id, person)).status == 201

    await eventually(judged_by_the_new_mark)
    await eventually(still_open)
    for case in CASES:
        assert await disobeyed(client, case, 2) == []


async def timed(how: str, what: str, goal: float, client: Client, path: str, **fields: object) -> Answer:
    began = time.monotonic()
    answer = await client.patch(path, fields)
    figure(f"enrollment {how}", f"{what} is answered after", time.monotonic() - began, "s", goal=goal)
    return answer
