"""Rows that tests need before they can begin, made through the API."""

import secrets
from typing import Any

from tests.support.client import Answer, Client

COURSES = "/api/v1/training/courses"
SESSIONS = "/api/v1/training/sessions"
ENROLLMENTS = "/api/v1/training/enrollments"
RECORDS = "/api/v1/training/records"
TRAININGS = "/api/v1/training"
EMPLOYEES = "/api/v1/employees"
STAFF = "/api/v1/staff"
USERS = "/api/v1/users"
CLIENTS = "/api/v1/clients"
SETTINGS = "/api/v1/training/settings"
ORGANISATIONS = "/api/v1/organisations"
CALENDARS = "/api/v1/calendars"
IMPORTS = "/api/v1/imports"
WEBHOOKS = "/api/v1/webhooks"
RECORDS = "/api/v1/training/records"
"""Of training done elsewhere."""
SUBMISSIONS = "/api/v1/training/record-submissions"
REQUIREMENTS = "/api/v1/training/requirements"
WEBHOOK_MESSAGES = "/api/v1/webhook-messages"
BEGUN = {"start_date": "2020-05-15T09:00:00Z", "end_date": "2090-05-15T17:00:00Z"}
"""Of a session that is under way."""


async def new_course(client: Client, **fields: Any) -> int:
    body = {
        "title": "Leadership Essentials",
        "category": "leadership",
        "delivery_mode": "in_person",
        "duration_hours": 8,
        **fields,
    }
    answer = await client.post(COURSES, body)
    assert answer.status == 201, answer.text
    return int(answer.data["id"])


async def new_session(client: Client, course_id: int, **fields: Any) -> int:
    body = {
        "course_id": course_id,
        "session_name": "May Cohort",
        "start_date": "2030-05-15T09:00:00Z",
        "end_date": "2030-05-15T17:00:00Z",
        "location": "Training Room A",
        "max_participants": 20,
        **fields,
    }
    answer = await client.post(SESSIONS, body)
    assert answer.status == 201, answer.text
    return int(answer.data["id"])


async def new_employee(client: Client, **fields: Any) -> int:
    return await _new_person(client, EMPLOYEES, fields)


async def new_staff(client: Client, **fields: Any) -> int:
    return await _new_person(client, STAFF, fields)


async def _new_person(client: Client, path: str, fields: dict[str, Any]) -> int:
    person_id = secrets.randbelow(2**40) + 1
    body = {"employee_id": f"EMP-{person_id}", "full_name": "John Doe", **fields}
    answer = await client.put(f"{path}/{person_id}", body)
    assert answer.status == 201, answer.text
    return person_id


async def new_employees(client: Client, count: int) -> list[int]:
    return [await new_employee(client) for _ in range(count)]


async def enroll(client: Client, session_id: int, *employee_ids: int) -> list[int]:
    """The ids of the enrollments."""
    answer = await client.post(ENROLLMENTS, {"session_id": session_id, "employee_ids": list(employee_ids)})
    assert answer.status == 201, answer.text
    return [enrollment["id"] for enrollment in answer.data["enrollments"]]


async def new_enrollment(client: Client, course: dict[str, Any] | None = None, **session: Any) -> int:
    """The id of one person's enrollment in a session of a course, all of them new."""
    session_id = await new_session(client, await new_course(client, **(course or {})), **session)
    [enrollment_id] = await enroll(client, session_id, await new_employee(client))
    return enrollment_id


async def ask_to_enroll(client: Client, session_id: Any, *employee_ids: Any) -> Answer:
    """The answer, whatever it is."""
    return await client.post(ENROLLMENTS, {"session_id": session_id, "employee_ids": list(employee_ids)})


async def course_with_prerequisite(client: Client, **fields: Any) -> tuple[int, int]:
    """A session of a course that is asked for, and one of the course that asks for it."""
    first = await new_course(client, title="Basics", **fields)
    second = await new_course(client, title="Advanced", prerequisites=[first])
    return await new_session(client, first), await new_session(client, second)
