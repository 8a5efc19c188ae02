"""The list of enrollments: filters, order, pages (contract, section 4)."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.postgres.pool import connected, connection_pool
from tests.support.client import Client
from tests.support.stack import Stack
from tests.support.world import ENROLLMENTS, enroll, new_course, new_employee, new_employees, new_session


async def ids(client: Client, **query: Any) -> list[int]:
    answer = await client.get(ENROLLMENTS, **query)
    assert answer.status == 200, answer.text
    return [enrollment["id"] for enrollment in answer.data]


async def test_the_newest_comes_first(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin))
    made = await enroll(admin, session_id, *await new_employees(admin, 3))
    assert await ids(admin) == sorted(made, reverse=True)


async def test_each_filter_finds_its_own(admin: Client) -> None:
    courses = [await new_course(admin) for _ in range(2)]
    sessions = [await new_session(admin, course_id) for course_id in courses]
    first, second = await new_employees(admin, 2)
    [a] = await enroll(admin, sessions[0], first)
    [b] = await enroll(admin, sessions[1], second)
    [c] = await enroll(admin, sessions[1], first)
    assert await ids(admin, employee_id=first) == [c, a]
    assert await ids(admin, session_id=sessions[1]) == [c, b]
    assert await ids(admin, course_id=courses[0]) == [a]
    assert await ids(admin, employee_id=first, session_id=sessions[1], course_id=courses[1]) == [c]
    assert await ids(admin, employee_id=2**62) == []


@pytest.mark.parametrize("status", ["enrolled", "completed", "failed", "absent", "cancelled"])
async def test_every_status_can_be_asked_for(admin: Client, status: str) -> None:
    session_id = await new_session(admin, await new_course(admin, pass_score=50))
    made = dict(
        zip(
            ("enrolled", "completed", "failed", "absent", "cancelled"),
            await enroll(admin, session_id, *await new_employees(admin, 5)),
            strict=True,
        )
    )
    await admin.patch(f"{ENROLLMENTS}/{made['completed']}/complete", {"score": 60})
    await admin.patch(f"{ENROLLMENTS}/{made['failed']}/complete", {"score": 40})
    await admin.patch(f"{ENROLLMENTS}/{made['absent']}/absent")
    await admin.patch(f"{ENROLLMENTS}/{made['cancelled']}/cancel")
    assert await ids(admin, status=status) == [made[status]]


@pytest.mark.parametrize(
    ("enrolled_at", "year", "found"),
    [
        ("2025-01-01T00:00:00Z", 2025, True),
        ("2025-12-31T23:59:59.999999Z", 2025, True),
        ("2026-01-01T00:00:00Z", 2025, False),
        ("2025-01-01T00:30:00+01:00", 2025, False),
        ("2025-01-01T00:30:00+01:00", 2024, True),
    ],
)
async def test_a_year_is_that_of_enrolling_in_utc(
    stack: Stack, admin: Client, enrolled_at: str, year: int, found: bool
) -> None:
    [enrollment_id] = await enroll(admin, await new_session(admin, await new_course(admin)), await new_employee(admin))
    async with connection_pool(stack.enrollment_database_url, name="test") as pool, connected(pool) as connection:
        await connection.execute(
            "UPDATE enrollments SET enrolled_at = $2::text::timestamptz WHERE id = $1", enrollment_id, enrolled_at
        )
    assert await ids(admin, year=year) == ([enrollment_id] if found else [])


@pytest.mark.parametrize("year", [1900, 1999, 2999])
async def test_any_year_of_the_range_can_be_asked_for(admin: Client, year: int) -> None:
    assert await ids(admin, year=year) == []


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("status", "confirmed"),
        ("status", ""),
        ("year", "0"),
        ("year", "-2025"),
        ("year", "1899"),
        ("year", "3000"),
        ("year", "2025.0"),
        ("year", "this"),
        ("page", "0"),
        ("per_page", "0"),
        ("per_page", "101"),
    ],
)
async def test_a_filter_with_a_wrong_value_is_refused(admin: Client, parameter: str, value: str) -> None:
    answer = await admin.get(ENROLLMENTS, **{parameter: value})
    assert (answer.status, list(answer.json["errors"])) == (422, [parameter])


async def test_pages_keep_the_order_and_the_filters(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin))
    made = sorted(await enroll(admin, session_id, *await new_employees(admin, 5)), reverse=True)
    answer = await admin.get(ENROLLMENTS, session_id=session_id, per_page=2, page=2)
    assert [enrollment["id"] for enrollment in answer.data] == made[2:4]
    assert answer.json["meta"] == {
        "current_page": 2,
        "last_page": 3,
        "per_page": 2,
        "total": 5,
        "from": 3,
        "to": 4,
    }
    following = parse_qs(urlsplit(answer.json["links"]["next"]).query)
    assert following == {"session_id": [str(session_id)], "per_page": ["2"], "page": ["3"]}
