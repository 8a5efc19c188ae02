"""Changes that the catalog has acknowledged, and whether the next request to enrollment obeys them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tests.support.client import Answer, Client
from tests.support.world import (
    BEGUN,
    COURSES,
    ENROLLMENTS,
    SESSIONS,
    ask_to_enroll,
    enroll,
    new_course,
    new_employee,
    new_session,
)


async def acknowledged(client: Client, path: str, **fields: Any) -> None:
    answer = await client.patch(path, fields)
    assert answer.status == 200, answer.text


async def known_session(client: Client, course_id: int, **fields: Any) -> int:
    """A session in which somebody is enrolled: enrollment need not ask the catalog about it."""
    session_id = await new_session(client, course_id, **fields)
    await enroll(client, session_id, await new_employee(client))
    return session_id


async def a_completed_session_takes_nobody(client: Client, course_id: int) -> Answer:
    person, session_id = await new_employee(client), await known_session(client, course_id, **BEGUN)
    await acknowledged(client, f"{SESSIONS}/{session_id}", status="in_progress")
    await acknowledged(client, f"{SESSIONS}/{session_id}", status="completed")
    return await ask_to_enroll(client, session_id, person)


async def a_cancelled_session_takes_nobody(client: Client, course_id: int) -> Answer:
    person, session_id = await new_employee(client), await known_session(client, course_id)
    await acknowledged(client, f"{SESSIONS}/{session_id}", status="cancelled")
    return await ask_to_enroll(client, session_id, person)


async def a_new_pass_mark_judges(client: Client, course_id: int) -> Answer:
    session_id = await new_session(client, course_id, **BEGUN)
    [enrollment_id] = await enroll(client, session_id, await new_employee(client))
    await acknowledged(client, f"{COURSES}/{course_id}", pass_score=50)
    await acknowledged(client, f"{COURSES}/{course_id}", pass_score=80)
    return await client.patch(f"{ENROLLMENTS}/{enrollment_id}/complete", {"score": 60})


async def a_new_prerequisite_holds(client: Client, course_id: int) -> Answer:
    person, session_id = await new_employee(client), await known_session(client, course_id)
    await acknowledged(client, f"{COURSES}/{course_id}", prerequisites=[await new_course(client)])
    return await ask_to_enroll(client, session_id, person)


async def a_new_place_is_free(client: Client, course_id: int) -> Answer:
    person, session_id = await new_employee(client), await known_session(client, course_id, max_participants=1)
    await acknowledged(client, f"{SESSIONS}/{session_id}", max_participants=2)
    return await ask_to_enroll(client, session_id, person)


def _says(code: str) -> Callable[[Answer], bool]:
    return lambda answer: (answer.status, answer.json.get("code")) == (422, code)


Try = Callable[[Client, int], Awaitable[Answer]]
CASES: Mapping[Try, Callable[[Answer], bool]] = {
    a_completed_session_takes_nobody: _says("session_closed"),
    a_cancelled_session_takes_nobody: _says("session_closed"),
    a_new_pass_mark_judges: lambda answer: answer.status == 200 and answer.data["status"] == "failed",
    a_new_prerequisite_holds: _says("prerequisite_missing"),
    a_new_place_is_free: lambda answer: answer.status == 201,
}
"""What one client asks, one request after the other with nothing between, and whether the answer obeys the change."""
AGREED = (a_completed_session_takes_nobody, a_cancelled_session_takes_nobody)
"""Those that enrollment has agreed to before they are acknowledged."""


async def disobeyed(client: Client, case: Try, tries: int) -> list[str]:
    """The answers that do not obey the change, of so many tries."""
    answers = [await case(client, await new_course(client)) for _ in range(tries)]
    return [answer.text for answer in answers if not CASES[case](answer)]
