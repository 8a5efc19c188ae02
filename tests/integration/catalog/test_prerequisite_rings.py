"""Courses that would require each other are refused: nobody could begin with any of them."""

import asyncio

import pytest

from services.catalog.enrollment_client import EnrollmentClient
from services.catalog.errors import TooManyPrerequisites
from services.catalog.store import courses as course_store
from services.catalog.use_cases import courses as course_use_cases
from services.catalog.use_cases.courses import change_course
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection, Pool
from tests.support.client import Answer, Client
from tests.support.world import COURSES, new_course

ACTOR = Actor("test", "Test")


async def require(admin: Client, course: int, *prerequisites: int) -> Answer:
    return await admin.patch(f"{COURSES}/{course}", {"prerequisites": list(prerequisites)})


async def chain(admin: Client, *titles: str) -> list[int]:
    """Courses of which each requires the one before."""
    courses: list[int] = []
    for title in titles:
        courses.append(await new_course(admin, title=title, prerequisites=courses[-1:]))
    return courses


@pytest.mark.parametrize("titles", [("A",), ("A", "B"), ("A", "B", "C"), tuple("ABCDEFGH")], ids=len)
async def test_a_ring_is_refused_and_named(admin: Client, titles: tuple[str, ...]) -> None:
    courses = await chain(admin, *titles)
    refused = await require(admin, courses[0], courses[-1])
    assert (refused.status, refused.json["code"]) == (422, "validation_failed")
    if len(titles) == 1:
        assert refused.json["errors"] == {"prerequisites.0": ["A course cannot be its own prerequisite."]}
    else:
        way = " → ".join(("A", *reversed(titles)))
        assert refused.json["errors"] == {"prerequisites": [f"These courses would require each other: {way}."]}
    assert (await admin.get(f"{COURSES}/{courses[0]}")).data["prerequisites"] == []


async def test_what_is_required_twice_over_is_no_ring(admin: Client) -> None:
    first, second, third = await chain(admin, "A", "B", "C")
    assert (await require(admin, third, second, first)).status == 200
    assert (await require(admin, await new_course(admin), third, first)).status == 200


async def test_the_ring_of_another_organisation_is_none_of_this_one(admin: Client) -> None:
    first, second = await chain(admin, "A", "B")
    assert (await require(admin, second)).status == 200
    assert (await require(admin, first, second)).status == 200


async def ever_both_accepted(admin: Client, pool: Pool, enrollment: EnrollmentClient, organisation: int) -> bool:
    """Whether two changes at once, of this process, ever closed a ring together."""
    for _ in range(20):
        first, second = await new_course(admin), await new_course(admin)
        outcomes = await asyncio.gather(
            *(
                change_course(pool, enrollment, organisation, course, {"prerequisites": [other]}, ACTOR)
                for course, other in ((first, second), (second, first))
            ),
            return_exceptions=True,
        )
        if not any(isinstance(outcome, Exception) for outcome in outcomes):
            return True
    return False


async def test_changes_at_once_take_turns(
    admin: Client, pool: Pool, enrollment: EnrollmentClient, organisation: int
) -> None:
    assert not await ever_both_accepted(admin, pool, enrollment, organisation)


async def test_control_without_turns_both_are_accepted(
    admin: Client, pool: Pool, enrollment: EnrollmentClient, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_lock(connection: Connection, organisation_id: int) -> None:
        pass

    monkeypatch.setattr(course_store, "lock_prerequisites", no_lock)
    assert await ever_both_accepted(admin, pool, enrollment, organisation)


async def test_the_walk_is_bounded(
    admin: Client, pool: Pool, enrollment: EnrollmentClient, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course_use_cases, "MAX_REQUIRED", 2)
    courses = await chain(admin, "A", "B", "C")
    course = await new_course(admin)
    await change_course(pool, enrollment, organisation, course, {"prerequisites": [courses[1]]}, ACTOR)
    with pytest.raises(TooManyPrerequisites):
        await change_course(pool, enrollment, organisation, course, {"prerequisites": [courses[2]]}, ACTOR)
