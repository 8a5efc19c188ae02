"""The Python client on the whole system, through the gateway: those who wait, and those who await."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from muster import OMIT, ApiError, AsyncMuster, Muster
from muster.errors import BadInput, NotModified
from muster.refusals import NotFoundError, SessionFullError, ValidationFailedError
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.world import new_course, new_employees, new_session


@pytest.fixture
async def client(admin: Client) -> AsyncIterator[AsyncMuster]:
    async with AsyncMuster(admin.url, token=admin.token) as client:
        yield client


async def test_the_journey_by_somebody_who_waits(admin: Client) -> None:
    [person] = await new_employees(admin, 1)

    def journey() -> tuple[str, str | None]:
        with Muster(admin.url, token=admin.token) as client:
            made = client.courses.create(
                title="Leadership Essentials", category="leadership", delivery_mode="in_person", duration_hours=8
            )
            [course] = client.courses.list(search="leadership")
            assert (course.id, course.duration_hours) == (made.id, Decimal(8))
            session = client.sessions.create(
                course_id=course.id,
                session_name="May",
                start_date=dt.datetime(2030, 5, 15, 9, tzinfo=dt.UTC),
                end_date="2030-05-15T17:00:00Z",
                max_participants=1,
                location="Room A",
            )
            enrolled = client.enrollments.create(session_id=session.id, employee_ids=[person])
            enrollment = client.enrollments.get(enrolled.enrollments[0].id)
            cancelled = client.enrollments.cancel(enrollment.id, if_match=enrollment)
            return cancelled.status, cancelled.etag

    status, etag = await asyncio.to_thread(journey)
    assert (status, etag is None) == ("cancelled", False)


async def test_a_list_is_walked_as_far_as_one_goes(admin: Client, client: AsyncMuster) -> None:
    ids = [await new_course(admin, title=f"Course {number}") for number in range(5)]
    assert [course.id async for course in client.courses.list(per_page=2)] == ids
    assert [len(page.items) async for page in client.courses.list(per_page=2, total=True).pages()] == [2, 2, 1]
    assert [course.id async for course in client.courses.list(page=2, per_page=2)] == ids[2:4]
    first = await client.courses.list().first()
    assert first is not None
    assert first.id == ids[0]
    assert await client.courses.list(search="nothing").first() is None


async def test_refusals_are_exceptions_by_their_code(admin: Client, client: AsyncMuster) -> None:
    session = await new_session(admin, await new_course(admin), max_participants=1)
    with pytest.raises(SessionFullError) as full:
        await client.enrollments.create(session_id=session, employee_ids=await new_employees(admin, 2))
    assert (full.value.available_spots, full.value.requested, full.value.code) == (1, 2, "session_full")
    assert full.value.request_id
    with pytest.raises(NotFoundError):
        await client.courses.get(2**40)
    with pytest.raises(ValidationFailedError) as wrong:
        await client.courses.update(await new_course(admin), title="")
    assert list(wrong.value.errors) == ["title"]


async def test_tags_keep_changes_apart(admin: Client, client: AsyncMuster) -> None:
    course = await client.courses.get(await new_course(admin, description="Old"))
    assert await client.courses.get(course.id, if_none_match=course) is course
    with pytest.raises(NotModified):
        await client.courses.get(course.id, if_none_match=course.etag)
    changed = await client.courses.update(course.id, if_match=course, title="New", description=OMIT)
    assert (changed.title, changed.description) == ("New", "Old")
    cleared = await client.courses.update(course.id, if_match=changed, description=None)
    assert cleared.description is None
    with pytest.raises(ApiError) as late:
        await client.courses.update(course.id, if_match=course, title="Late")
    assert late.value.code == "precondition_failed"
    [listed] = [each async for each in client.courses.list()]
    with pytest.raises(BadInput, match="ETag"):
        await client.courses.update(course.id, if_match=listed, title="Late")
    await client.courses.delete(course.id, if_match=cleared)


async def test_a_command_is_carried_out_once_for_its_key(admin: Client, client: AsyncMuster) -> None:
    session = await new_session(admin, await new_course(admin))
    people = await new_employees(admin, 2)
    first = await client.enrollments.create(session_id=session, employee_ids=people, idempotency_key="a-key")
    again = await client.enrollments.create(session_id=session, employee_ids=people, idempotency_key="a-key")
    assert again == first
    assert again.answer is not None
    assert again.answer.headers["Idempotency-Replayed"] == "true"


async def test_the_feed_ends_or_goes_on_from_its_cursor(admin: Client, client: AsyncMuster) -> None:
    [person] = await new_employees(admin, 1)
    session = await new_session(admin, await new_course(admin))

    async def types(after: str | None) -> tuple[list[str], str | None]:
        feed = client.events.follow(after=after, types=["training.enrollment.*"], endless=False)
        return [event.type async for event in feed], feed.cursor

    _, cursor = await types(None)
    enrolled = await client.enrollments.create(session_id=session, employee_ids=[person])

    async def seen() -> list[str]:
        return (await types(cursor))[0]

    assert await eventually(seen) == ["training.enrollment.created.v1"]
    _, cursor = await types(cursor)
    async with asyncio.timeout(20):
        feed = client.events.follow(after=cursor, types=["training.enrollment.*"])
        await client.enrollments.cancel(enrolled.enrollments[0].id)
        async for event in feed:
            assert (event.type, event.version) == ("training.enrollment.cancelled.v1", 2)
            break


async def test_lists_come_whole_as_files(admin: Client, client: AsyncMuster) -> None:
    ids = [await new_course(admin, title=f"Course {number}") for number in range(3)]
    async with client.courses.export("application/x-ndjson") as export:
        pieces = [piece async for piece in export]
    assert len(b"".join(pieces).splitlines()) == len(ids)


async def test_what_changes_is_seen(admin: Client, client: AsyncMuster) -> None:
    session = await new_session(admin, await new_course(admin), max_participants=5)
    people = await new_employees(admin, 1)
    spots: list[int] = []
    async with asyncio.timeout(20):
        async for seen in client.sessions.watch(session):
            assert seen.data is not None
            spots.append(seen.data.available_spots)
            if len(spots) == 1:
                await client.enrollments.create(session_id=session, employee_ids=people)
            if spots[-1] == 4:
                break
    assert spots == [5, 4]


async def test_a_file_is_imported_until_it_has_ended(client: AsyncMuster) -> None:
    rows = b'id,employee_id,full_name\n7,EMP-7,"John Doe"\n8,EMP-8,Jane\n'
    async with asyncio.timeout(20):
        job = await client.imports.wait(await client.imports.create(rows, kind="people"))
    assert (job.status, job.created) == ("completed", 2)
    assert (await client.imports.people.get(job.id)).lines == 2
