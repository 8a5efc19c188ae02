"""Lists of training and of people, as walks go through them."""

import itertools
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from tests.support.client import Client
from tests.support.external_records import decided, known_course, submitted
from tests.support.requirements import new_requirement
from tests.support.walked_lists import Walked, deleted
from tests.support.world import (
    BEGUN,
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    REQUIREMENTS,
    SESSIONS,
    STAFF,
    SUBMISSIONS,
    enroll,
    new_course,
    new_employee,
    new_session,
    new_staff,
)


async def courses(client: Client) -> Walked:
    return Walked(client, COURSES, lambda: new_course(client), leave=deleted(client, COURSES))


async def sessions(client: Client) -> Walked:
    course, days = await new_course(client), itertools.count(1)

    async def move(row: int) -> None:
        start = f"2029-01-{next(days):02}"
        body = {"start_date": f"{start}T09:00:00Z", "end_date": f"{start}T17:00:00Z"}
        assert (await client.patch(f"{SESSIONS}/{row}", body)).status == 200

    def add() -> Awaitable[int]:
        return new_session(client, course)

    return Walked(client, SESSIONS, add, leave=deleted(client, SESSIONS), move=move, filters={"status": "scheduled"})


async def labels(client: Client) -> Walked:
    return await _named(client, "/api/v1/training/labels", lambda label: new_course(client, labels=[label]), COURSES)


async def projects(client: Client) -> Walked:
    course = await new_course(client)
    path = "/api/v1/training/projects"
    return await _named(client, path, lambda project: new_session(client, course, projects=[project]), SESSIONS)


async def companies(client: Client) -> Walked:
    return await _named(client, "/api/v1/companies", lambda company: new_employee(client, company=company), EMPLOYEES)


async def _named(client: Client, path: str, carry: Callable[[dict[str, Any]], Awaitable[int]], carriers: str) -> Walked:
    carried: dict[int, int] = {}

    async def add() -> int:
        named = secrets.randbelow(2**40) + 1
        carried[named] = await carry({"id": named, "name": "Name"})
        return named

    async def leave(named: int) -> None:
        await deleted(client, carriers)(carried[named])

    return Walked(client, path, add, leave)


async def enrollments(client: Client) -> Walked:
    session = await new_session(client, await new_course(client), **BEGUN, max_participants=100)

    async def add() -> int:
        [enrollment] = await enroll(client, session, await new_employee(client))
        return enrollment

    async def leave(row: int) -> None:
        assert (await client.patch(f"{ENROLLMENTS}/{row}/complete", {"score": None})).status == 200

    return Walked(client, ENROLLMENTS, add, leave, filters={"status": "enrolled"})


async def employees(client: Client) -> Walked:
    return Walked(client, EMPLOYEES, lambda: new_employee(client), leave=deleted(client, EMPLOYEES))


async def staff(client: Client) -> Walked:
    return Walked(client, STAFF, lambda: new_staff(client), leave=deleted(client, STAFF))


async def submissions(client: Client) -> Walked:
    async def add() -> int:
        return await submitted(client, await new_employee(client))

    async def leave(row: int) -> None:
        await decided(client, row, "reject")

    return Walked(client, SUBMISSIONS, add, leave, filters={"status": "pending"})


async def requirements(client: Client) -> Walked:
    course = await known_course(client)

    async def add() -> int:
        return await new_requirement(client, needs={"course_id": course})

    return Walked(client, REQUIREMENTS, add, leave=deleted(client, REQUIREMENTS))


async def compliance(client: Client) -> Walked:
    course = await new_course(client)
    people = await employees(client)
    return Walked(
        client,
        "/api/v1/training/compliance",
        people.add,
        people.leave,
        filters={"course_id": course, "status": "missing"},
        key=lambda item: int(item["employee"]["id"]),
    )


async def roster(client: Client) -> Walked:
    people = await employees(client)
    return replace(people, path="/api/v1/training/clearance", key=lambda item: int(item["employee"]["id"]))
