"""Expiry and compliance: who holds a valid completion, who loses it soon, who lacks it, and that its end is told."""

from datetime import UTC, datetime, timedelta

import asyncpg

from services.enrollment.use_cases.certifications import tell_batch
from tests.support.client import Client
from tests.support.stack import Stack
from tests.support.world import ENROLLMENTS, enroll, new_course, new_employees, new_session

COMPLIANCE = "/api/v1/training/compliance"


async def completed(admin: Client, session_id: int, *employee_ids: int) -> list[int]:
    enrollments = await enroll(admin, session_id, *employee_ids)
    for enrollment_id in enrollments:
        answer = await admin.patch(f"{ENROLLMENTS}/{enrollment_id}/complete", {})
        assert answer.status == 200, answer.text
    return enrollments


async def backdate(stack: Stack, enrollment_ids: list[int], valid_until: datetime) -> None:
    """As if two weeks had passed, and so much were left: the clock of the database cannot be turned."""
    connection = await asyncpg.connect(stack.enrollment_database_url)
    try:
        await connection.execute(
            "UPDATE certifications SET valid_until = $2, look_at = now(), told_at = told_at - interval '14 days'"
            " WHERE enrollment_id = ANY($1::bigint[])",
            enrollment_ids,
            valid_until,
        )
    finally:
        await connection.close()


async def statuses(admin: Client, **query: object) -> dict[int, str]:
    answer = await admin.get(COMPLIANCE, **query)
    assert answer.status == 200, answer.text
    assert answer.json["meta"]["total"] == len(answer.data)
    return {item["employee"]["id"]: item["status"] for item in answer.data}


async def test_everyone_is_valid_expiring_or_missing(admin: Client, stack: Stack) -> None:
    course_id = await new_course(admin, validity_months=12, labels=[{"id": 5, "name": "Plant"}])
    session_id = await new_session(admin, course_id)
    valid, expiring, expired, never = await new_employees(admin, 4)
    done = await completed(admin, session_id, valid, expiring, expired)
    now = datetime.now(UTC)
    await backdate(stack, done[1:2], now + timedelta(days=10))
    await backdate(stack, done[2:], now - timedelta(days=10))
    expected = {valid: "valid", expiring: "expiring", expired: "missing", never: "missing"}
    assert await statuses(admin, course_id=course_id) == expected
    assert await statuses(admin, label_id=5) == expected
    assert await statuses(admin, course_id=course_id, status="missing") == {expired: "missing", never: "missing"}
    assert await statuses(admin, course_id=course_id, status="expiring", within_days=5) == {}


async def test_a_correction_to_failed_takes_the_completion_back(admin: Client) -> None:
    course_id = await new_course(admin, pass_score=70)
    session_id = await new_session(admin, course_id)
    [person] = await new_employees(admin, 1)
    [enrollment_id] = await enroll(admin, session_id, person)
    await admin.patch(f"{ENROLLMENTS}/{enrollment_id}/complete", {"score": 80})
    assert await statuses(admin, course_id=course_id) == {person: "valid"}
    await admin.patch(f"{ENROLLMENTS}/{enrollment_id}/complete", {"score": 60})
    assert await statuses(admin, course_id=course_id) == {person: "missing"}


async def test_an_end_is_told_once_however_many_look(admin: Client, stack: Stack) -> None:
    course_id = await new_course(admin, validity_months=12)
    [person] = await new_employees(admin, 1)
    [enrollment_id] = await completed(admin, await new_session(admin, course_id), person)
    pool = await asyncpg.create_pool(stack.enrollment_database_url, min_size=0, max_size=4)
    try:
        told = []
        for end in (timedelta(days=20), timedelta(days=5), timedelta(days=-1)):
            await backdate(stack, [enrollment_id], datetime.now(UTC) + end)
            for _ in range(3):
                await tell_batch(pool, (30, 7))
            rows = await pool.fetch(
                "SELECT routing_key FROM outbox WHERE routing_key LIKE 'certification.%'"
                " AND (body::jsonb -> 'data' ->> 'id')::bigint = $1 ORDER BY id",
                enrollment_id,
            )
            told.append([row["routing_key"] for row in rows])
    finally:
        await pool.close()
    expiring, expired = "certification.expiring", "certification.expired"
    assert told == [[expiring], [expiring] * 2, [expiring, expiring, expired]]


async def test_validity_is_counted_in_the_organisations_time_zone(admin: Client) -> None:
    settings = await admin.put("/api/v1/training/settings", {"time_zone": "Australia/Sydney"})
    assert settings.status == 200, settings.text
    assert (await admin.get("/api/v1/training/settings")).data == {"time_zone": "Australia/Sydney"}
    refused = await admin.put("/api/v1/training/settings", {"time_zone": "Mars/Olympus"})
    assert refused.status == 422


async def test_a_course_or_a_label_must_be_asked_for(admin: Client) -> None:
    assert (await admin.get(COMPLIANCE)).status == 422
    assert (await admin.get(COMPLIANCE, course_id=1, label_id=1)).status == 422
    assert (await admin.get(COMPLIANCE, course_id=2**62)).status == 422
