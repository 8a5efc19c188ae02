"""Rows with texts that are refused today: an earlier version let them in, and they are read and changed as ever."""

import asyncpg
import pytest

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.world import (
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    SESSIONS,
    new_course,
    new_employee,
    new_enrollment,
    new_session,
)

OLD = "Two\nlines\x1b[31m"
LABEL = '[{"id": 1, "name": "a\\tb"}]'
FACILITATOR = '{"id": 1, "full_name": "a\\u0007b"}'


async def store(url: str, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()


@pytest.fixture
async def course(stack: Stack, admin: Client) -> str:
    """The path of a course whose texts are all of the old kind."""
    course_id = await new_course(admin, description="x", provider_name="x")
    old = "UPDATE courses SET title = $2, provider_name = $2, description = $3, labels = $4 WHERE id = $1"
    await store(stack.catalog_database_url, old, course_id, OLD, "bell\x07", LABEL)
    return f"{COURSES}/{course_id}"


async def test_another_member_of_an_old_course_is_changed(admin: Client, course: str) -> None:
    answer = await admin.patch(course, {"pass_score": 50})
    assert (answer.status, answer.data["title"], answer.data["pass_score"]) == (200, OLD, 50)
    answer = await admin.patch(course, {"title": OLD, "labels": [{"id": 1, "name": "a\tb"}]})
    assert answer.status == 200


async def test_an_old_text_may_go_and_no_new_one_may_come(admin: Client, course: str) -> None:
    answer = await admin.patch(course, {"title": "Two\nother lines"})
    assert (answer.status, list(answer.json["errors"])) == (422, ["title"])
    answer = await admin.patch(course, {"title": "One line"})
    assert (answer.status, answer.data["title"]) == (200, "One line")


async def test_an_old_session_is_changed(stack: Stack, admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin))
    old = "UPDATE sessions SET session_name = $2, location = $2, facilitator = $3 WHERE id = $1"
    await store(stack.catalog_database_url, old, session_id, OLD, FACILITATOR)
    answer = await admin.patch(f"{SESSIONS}/{session_id}", {"max_participants": 30})
    assert (answer.status, answer.data["location"]) == (200, OLD)


async def test_an_old_course_is_followed(stack: Stack, admin: Client, course: str) -> None:
    """Its events are read by the services that keep copies of it."""
    assert (await admin.patch(course, {"pass_score": 51})).status == 200
    connection = await asyncpg.connect(stack.history_database_url)

    async def has_arrived() -> bool:
        title = await connection.fetchval("SELECT title FROM courses WHERE id = $1", int(course.rpartition("/")[2]))
        return bool(title == OLD)

    try:
        await eventually(has_arrived)
    finally:
        await connection.close()


async def test_a_person_with_an_old_name_is_removed(stack: Stack, admin: Client) -> None:
    person = await new_employee(admin)
    old = "UPDATE people SET full_name = $2, employee_id = $2 WHERE id = $1"
    await store(stack.enrollment_database_url, old, person, OLD)
    assert (await admin.get(f"{EMPLOYEES}/{person}")).data["full_name"] == OLD
    assert (await admin.delete(f"{EMPLOYEES}/{person}")).status == 200


async def test_an_old_address_stays_where_a_completion_is_corrected(stack: Stack, admin: Client) -> None:
    enrollment = f"{ENROLLMENTS}/{await new_enrollment(admin)}"
    assert (await admin.patch(f"{enrollment}/complete", {"score": 80})).status == 200
    old = "UPDATE enrollments SET certificate_url = $2 WHERE id = $1"
    url = "https://trusted.test@evil.test/ \x07"
    await store(stack.enrollment_database_url, old, int(enrollment.rpartition("/")[2]), url)
    assert (await admin.patch(f"{enrollment}/complete", {"score": 90})).status == 200
    assert (await admin.get(enrollment)).data["certificate_url"] == url


async def test_a_session_with_an_end_that_was_allowed_is_changed_and_followed(stack: Stack, admin: Client) -> None:
    """Its other fields are; a new end lies in the years of today."""
    session_id = await new_session(admin, await new_course(admin))
    end = "9999-12-30T00:00:00.000000Z"
    old = "UPDATE sessions SET end_date = $2::text::timestamptz WHERE id = $1"
    await store(stack.catalog_database_url, old, session_id, end)
    answer = await admin.patch(f"{SESSIONS}/{session_id}", {"location": "Room 2"})
    assert (answer.status, answer.data["location"], answer.data["end_date"]) == (200, "Room 2", end)
    refused = await admin.patch(f"{SESSIONS}/{session_id}", {"end_date": end})
    assert (refused.status, list(refused.json["errors"])) == (422, ["end_date"])
    connection = await asyncpg.connect(stack.history_database_url)

    async def has_arrived() -> bool:
        return bool(await connection.fetchval("SELECT location = 'Room 2' FROM sessions WHERE id = $1", session_id))

    try:
        await eventually(has_arrived)
    finally:
        await connection.close()
