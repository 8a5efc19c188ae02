"""Who may keep an answer: what is answered to a token is its owner's alone, and is never taken for anything else."""

from collections.abc import Mapping

import pytest

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.world import (
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    SESSIONS,
    STAFF,
    enroll,
    new_course,
    new_employee,
    new_session,
)

NEVER = "private, no-store"
REVALIDATED = "private, no-cache"


def caching(headers: Mapping[str, str]) -> tuple[str | None, str | None, str | None]:
    return headers.get("Cache-Control"), headers.get("Vary"), headers.get("X-Content-Type-Options")


def to_a_token(cache_control: str) -> tuple[str, str, str]:
    return cache_control, "Authorization", "nosniff"


async def test_lists_and_rows_are_kept_and_asked_for_again(admin: Client) -> None:
    course_id = await new_course(admin)
    session_id, person_id = await new_session(admin, course_id), await new_employee(admin)
    [enrollment_id] = await enroll(admin, session_id, person_id)
    rows = (f"{COURSES}/{course_id}", f"{SESSIONS}/{session_id}", f"{ENROLLMENTS}/{enrollment_id}")
    lists = (COURSES, SESSIONS, ENROLLMENTS, EMPLOYEES, STAFF, f"{ENROLLMENTS}/{enrollment_id}/audit")
    for path in (*rows, f"{EMPLOYEES}/{person_id}", "/api/v1/training/settings", *lists):
        answer = await admin.get(path)
        assert (answer.status, caching(answer.headers)) == (200, to_a_token(REVALIDATED)), path
    for path in rows:
        tag = (await admin.get(path)).headers["ETag"]
        answer = await admin.request("GET", path, headers={"If-None-Match": tag})
        assert (answer.status, caching(answer.headers)) == (304, to_a_token(REVALIDATED)), path


async def test_a_history_is_kept_and_asked_for_again(admin: Client) -> None:
    history = f"{EMPLOYEES}/{await new_employee(admin)}/training"

    async def is_there() -> bool:
        return (await admin.get(history)).status == 200

    await eventually(is_there)
    assert caching((await admin.get(history)).headers) == to_a_token(REVALIDATED)


async def test_changes_and_refusals_are_kept_by_nobody(stack: Stack, admin: Client) -> None:
    course_id = await new_course(admin)
    for method, path, body in (
        ("PATCH", f"{COURSES}/{course_id}", {"title": "Another"}),
        ("PATCH", f"{COURSES}/{course_id}", {"title": 1}),
        ("GET", f"{COURSES}/9999999999", None),
        ("GET", "/api/v1/nothing", None),
        ("GET", "/api/v1/auth/me", None),
    ):
        assert caching((await admin.request(method, path, json=body)).headers) == to_a_token(NEVER), path
    assert caching((await stack.anonymous().get(COURSES)).headers) == to_a_token(NEVER)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_health_is_never_stored(stack: Stack, path: str) -> None:
    answer = await stack.anonymous().get(path)
    assert caching(answer.headers) == ("no-store", None, "nosniff")


async def test_control_without_the_headers(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.edge.forward_handler.TO_A_TOKEN_LINES", b"")
    path = f"{COURSES}/{await new_course(admin)}"
    assert [caching((await admin.get(path)).headers) for _ in range(2)][1] == (REVALIDATED, None, None)
