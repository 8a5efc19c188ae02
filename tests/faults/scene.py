"""What the clients of a run work on: two organisations, each with courses, sessions and people of its own."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import asyncpg

from tests.faults.bed import Bed
from tests.faults.receiver import Hook
from tests.support import world
from tests.support.client import Client, new_organisation
from tests.support.eventually import eventually
from tests.support.requirements import ask_for_requirement

COURSES = 3
SESSIONS_OF_COURSE = 3
PEOPLE = 60
PLACES = (6, 15, 60)
HOOKED = ("training.course.*", "training.session.*", "training.enrollment.cancelled.v1")
"""Types of the events that go to the webhook of an organisation; with all of them, stories take longer."""
ALL: Sequence[str] = ()
AT_ONCE = 8


@dataclass(frozen=True)
class Organisation:
    """`mark` is part of every name in it, and must never be seen by another one's clients."""

    id: int
    mark: str
    courses: tuple[int, ...]
    sessions: dict[int, int]
    """Session → course."""
    people: tuple[int, ...]

    def siblings(self, session: int) -> list[int]:
        """The other sessions of the same course."""
        course = self.sessions[session]
        return [other for other, of in self.sessions.items() if of == course and other != session]


async def new_scene(
    bed: Bed, people: int = PEOPLE, hooked: Sequence[str] = HOOKED
) -> tuple[Organisation, Organisation]:
    """Two organisations that nobody has worked on yet, each with so many people, and a webhook for events of types.

    A person can be enrolled in each session until that was completed: those of a long story have to be many.
    """
    first, second = await asyncio.gather(*(_new_organisation(bed, people, hooked) for _ in range(2)))
    return first, second


async def _new_organisation(bed: Bed, count: int, hooked: Sequence[str]) -> Organisation:
    organisation, mark = new_organisation(), f"ONLY-{secrets.token_hex(8)}"
    await _new_webhook(bed, organisation, hooked)
    client = bed.client(organisation)
    courses = await asyncio.gather(
        *(
            world.new_course(client, title=f"Course {number} {mark}", pass_score=50 if number else None)
            for number in range(COURSES)
        )
    )
    cohorts = [(course, number) for course in courses for number in range(SESSIONS_OF_COURSE)]
    ids = await asyncio.gather(*(_new_session(client, mark, course, number) for course, number in cohorts))
    sessions = {session: course for session, (course, _) in zip(ids, cohorts, strict=True)}
    people = await _in_parts(count, lambda: world.new_employee(client, full_name=f"Person {mark}"))
    await eventually(lambda: _are_known(bed, organisation, count))
    return Organisation(organisation, mark, tuple(courses), sessions, tuple(people))


async def _new_webhook(bed: Bed, organisation: int, types: Sequence[str]) -> None:
    body = {"url": bed.receiver.url(organisation), "types": list(types)}
    answer = await bed.client(organisation).post("/api/v1/webhooks", body)
    assert answer.status == 201, answer.text
    bed.receiver.add(Hook(organisation, answer.data["secret"], tuple(types)))


async def _new_session(client: Client, mark: str, course: int, number: int) -> int:
    places = PLACES[number % len(PLACES)]
    return await world.new_session(client, course, session_name=f"Cohort {number} {mark}", max_participants=places)


async def _are_known(bed: Bed, organisation: int, count: int) -> bool:
    """To the histories, which hear of people by events."""
    history = await asyncpg.connect(bed.database_urls["history"], timeout=5)
    try:
        known = await history.fetchval("SELECT count(*) FROM people WHERE organisation_id = $1", organisation)
    finally:
        await history.close()
    return bool(known == count)


async def _in_parts(count: int, make: Callable[[], Awaitable[int]]) -> Sequence[int]:
    made: list[int] = []
    for start in range(0, count, AT_ONCE):
        made += await asyncio.gather(*(make() for _ in range(min(AT_ONCE, count - start))))
    return made


async def ask_of_everybody(bed: Bed, scene: Iterable[Organisation]) -> None:
    """In each organisation two courses are asked of everybody, and nobody has completed any."""
    for organisation in scene:
        for course in organisation.courses[:2]:
            await eventually(partial(_is_asked, bed.client(organisation.id), course))


async def _is_asked(client: Client, course: int) -> bool:
    """False while enrollment does not know the course yet."""
    answer = await ask_for_requirement(client, needs={"course_id": course})
    return answer.status == 201
