"""What happens to enrollments after they were made, as tests ask for it over and over."""

from datetime import datetime
from typing import Any

import asyncpg

from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.world import (
    ENROLLMENTS,
    SESSIONS,
    course_with_prerequisite,
    enroll,
    new_course,
    new_employee,
    new_employees,
    new_session,
)


async def enroll_or_wait(client: Client, session_id: int, *employee_ids: int) -> dict[str, Any]:
    """The data of the answer: who does not fit is on the waitlist."""
    body = {"session_id": session_id, "employee_ids": list(employee_ids), "waitlist": True}
    answer = await client.post(ENROLLMENTS, body)
    assert answer.status == 201, answer.text
    return dict(answer.data)


async def line_up(client: Client, session_id: int, *employee_ids: int) -> list[int]:
    """The ids of the enrollments, of those with a seat and of those who wait."""
    data = await enroll_or_wait(client, session_id, *employee_ids)
    return [enrollment["id"] for enrollment in data["enrollments"]]


async def full_session_with_line(client: Client, waiting: int = 2) -> tuple[int, int, list[int]]:
    """A session of one seat: its id, the enrollment that has the seat, and those that wait."""
    session_id = await new_session(client, await new_course(client), max_participants=1)
    [seated] = await enroll(client, session_id, await new_employee(client))
    line = [(await line_up(client, session_id, person))[0] for person in await new_employees(client, waiting)]
    return session_id, seated, line


async def change(client: Client, enrollment_id: int, what: str, body: Any = None) -> Answer:
    return await client.patch(f"{ENROLLMENTS}/{enrollment_id}/{what}", body)


async def changed(client: Client, enrollment_id: int, what: str, body: Any = None) -> dict[str, Any]:
    """The enrollment after a change that is allowed."""
    answer = await change(client, enrollment_id, what, body)
    assert answer.status == 200, answer.text
    return dict(answer.data)


async def transfer(client: Client, enrollment_id: int, session_id: int) -> Answer:
    return await change(client, enrollment_id, "transfer", {"session_id": session_id})


async def shown(client: Client, enrollment_id: int) -> dict[str, Any]:
    answer = await client.get(f"{ENROLLMENTS}/{enrollment_id}")
    assert answer.status == 200, answer.text
    return dict(answer.data)


async def statuses_of(client: Client, *enrollment_ids: int) -> list[str]:
    return [(await shown(client, enrollment_id))["status"] for enrollment_id in enrollment_ids]


async def places_of(client: Client, *enrollment_ids: int) -> list[int | None]:
    """The places in line; `None` for those who do not wait."""
    return [(await shown(client, enrollment_id)).get("waitlist_position") for enrollment_id in enrollment_ids]


async def catalog_counts(client: Client, session_id: int, enrolled: int) -> None:
    """Returns once the catalog has counted so many."""

    async def counted() -> bool:
        session = (await client.get(f"{SESSIONS}/{session_id}")).data
        assert session["enrolled_count"] == enrolled
        return True

    await eventually(counted)


async def move_session(client: Client, session_id: int, enrollment_id: int, **fields: Any) -> None:
    """Changes `start_date` and what else is given; returns once enrollment knows, as `enrollment_id` shows."""
    answer = await client.patch(f"{SESSIONS}/{session_id}", fields)
    assert answer.status == 200, answer.text

    async def has_arrived() -> bool:
        start_date = (await shown(client, enrollment_id))["session"]["start_date"]
        assert start_date == fields["start_date"][:10]
        return True

    await eventually(has_arrived)


async def somebody_is_passed_over(client: Client) -> list[int]:
    """The enrollments of the one who lacks a prerequisite by now, and of the next in line."""
    first, second = await course_with_prerequisite(client)
    assert (await client.patch(f"{SESSIONS}/{second}", {"max_participants": 1})).status == 200
    people = await new_employees(client, 3)
    done = await enroll(client, first, *people)
    for enrollment_id in done:
        await changed(client, enrollment_id, "complete")
    seated, *line = await line_up(client, second, *people)
    await changed(client, done[1], "reopen", {"reason": "A mistake"})
    await changed(client, seated, "cancel")
    return line


async def ends_at(stack: Stack, enrollment_id: int, valid_until: datetime) -> None:
    """As if the completion had another end: the clock of the database cannot be turned."""
    await in_enrollment(stack, "UPDATE enrollments SET valid_until = $2 WHERE id = $1", enrollment_id, valid_until)
    await in_enrollment(
        stack,
        "UPDATE certifications SET valid_until = $2, look_at = now() WHERE enrollment_id = $1",
        enrollment_id,
        valid_until,
    )


async def in_enrollment(stack: Stack, statement: str, *arguments: Any) -> None:
    """Executes a statement in enrollment's database, past the service."""
    connection = await asyncpg.connect(stack.enrollment_database_url)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()
