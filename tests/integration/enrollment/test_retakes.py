"""Attending again: a failed, missed or expired training may be taken in a later session; each attempt is a record."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.history_client import Attendee
from tests.support.lifecycle import changed, ends_at
from tests.support.stack import Stack
from tests.support.world import BEGUN, COURSES, ask_to_enroll, enroll, new_course, new_employee, new_session

YESTERDAY = timedelta(days=-1)


@pytest.fixture
async def attendee(admin: Client) -> Attendee:
    return Attendee(admin, await new_employee(admin))


async def attempt(admin: Client, course_id: int, person: int, score: int | None) -> int:
    """An enrollment in a session of its own, ended with this score or, without one, missed."""
    [enrollment_id] = await enroll(admin, await new_session(admin, course_id, **BEGUN), person)
    await changed(admin, enrollment_id, *(("absent",) if score is None else ("complete", {"score": score})))
    return enrollment_id


@pytest.mark.parametrize(("score", "result"), [(40, "failed"), (None, "absent"), (90, "passed")])
async def test_each_attempt_is_a_record_of_its_own(
    admin: Client, attendee: Attendee, score: int | None, result: str
) -> None:
    course_id = await new_course(admin, pass_score=50)
    first = await attempt(admin, course_id, attendee.id, score)
    second = await attempt(admin, course_id, attendee.id, 80)
    await attendee.record(first, result=result)
    await attendee.record(second, result="passed")
    await attendee.records(2)


@pytest.mark.parametrize("score", [40, None, 90])
async def test_in_the_same_session_there_is_no_second_attempt(
    admin: Client, attendee: Attendee, score: int | None
) -> None:
    session_id = await new_session(admin, await new_course(admin, pass_score=50))
    [enrollment_id] = await enroll(admin, session_id, attendee.id)
    await changed(admin, enrollment_id, *(("absent",) if score is None else ("complete", {"score": score})))
    answer = await ask_to_enroll(admin, session_id, attendee.id)
    assert (answer.status, answer.json["code"]) == (422, "already_enrolled")


async def test_an_expired_completion_is_renewed_and_both_records_stay(
    stack: Stack, admin: Client, attendee: Attendee
) -> None:
    course_id = await new_course(admin, pass_score=50, validity_months=12)
    old = await attempt(admin, course_id, attendee.id, 80)
    await ends_at(stack, old, datetime.now(UTC) + YESTERDAY)
    assert await compliance_of(admin, course_id) == "missing"
    new = await attempt(admin, course_id, attendee.id, 80)
    assert await compliance_of(admin, course_id) == "valid"
    await attendee.record(old, result="passed")
    await attendee.record(new, result="passed")


@pytest.mark.parametrize("score", [10, None])
async def test_a_retake_that_fails_takes_nothing_from_an_earlier_completion(
    admin: Client, attendee: Attendee, score: int | None
) -> None:
    course_id = await new_course(admin, pass_score=50, validity_months=12)
    await attempt(admin, course_id, attendee.id, 80)
    await attempt(admin, course_id, attendee.id, score)
    assert await compliance_of(admin, course_id) == "valid"


async def test_the_completion_that_is_valid_longest_counts(stack: Stack, admin: Client, attendee: Attendee) -> None:
    course_id = await new_course(admin, validity_months=12)
    first, second = [await attempt(admin, course_id, attendee.id, 80) for _ in range(2)]
    await ends_at(stack, second, datetime.now(UTC) + YESTERDAY)
    await changed(admin, first, "complete", {"score": 81})
    [found] = (await admin.get("/api/v1/training/compliance", course_id=course_id)).data
    assert (found["status"], found["enrollment_id"]) == ("valid", first)


async def test_the_course_counts_every_attempt(admin: Client, attendee: Attendee) -> None:
    course_id = await new_course(admin, pass_score=50)
    for score in (40, None, 80):
        await attempt(admin, course_id, attendee.id, score)

    async def counted() -> bool:
        course = (await admin.get(f"{COURSES}/{course_id}")).data
        assert (course["total_enrollments"], course["completion_rate"], course["average_score"]) == (3, 33.3, 60.0)
        return True

    await eventually(counted)


async def compliance_of(admin: Client, course_id: int) -> str:
    """Of the one person whom the organisation has."""
    [found] = (await admin.get("/api/v1/training/compliance", course_id=course_id)).data
    return str(found["status"])
