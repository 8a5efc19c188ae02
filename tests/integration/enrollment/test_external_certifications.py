"""What training done elsewhere counts for once it is accepted: certifications, compliance, prerequisites, renewals."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.enrollment.schemas_records import RecordFields
from services.enrollment.store import certifications as store
from services.enrollment.use_cases import external_records
from services.enrollment.use_cases.certifications import send_batch
from shared.auth.internal_token import MANAGE, RECORD, Caller
from shared.http.conditional import UNCONDITIONAL
from shared.postgres.audit import Actor
from shared.postgres.pool import Pool, transaction
from tests.support.client import Client
from tests.support.enrollment_rows import ORGANISATION, enrollment_database, execute, new_people, new_session, warm_pool
from tests.support.external_records import accepted, decided, known_course, submitted
from tests.support.guards import without
from tests.support.history_client import Attendee
from tests.support.lifecycle import changed
from tests.support.stack import Stack
from tests.support.subscriber import subscriber
from tests.support.world import (
    BEGUN,
    EMPLOYEES,
    RECORDS,
    ask_to_enroll,
    course_with_prerequisite,
    enroll,
    new_employee,
)
from tests.support.world import new_session as session_of

COMPLIANCE = "/api/v1/training/compliance"
LATER = "2190-01-01T00:00:00Z"


@pytest.fixture
def judge(stack: Stack, organisation: int) -> Client:
    return stack.client(organisation, sub="judge-1", name="Judy Judge")


async def held(client: Client, course: int, person: int) -> tuple[str, int | None, int | None, str | None]:
    """Status, enrollment, record and end."""
    items = (await client.get(COMPLIANCE, course_id=course)).data
    [item] = [each for each in items if each["employee"]["id"] == person]
    return item["status"], item["enrollment_id"], item["record_id"], item["valid_until"]


async def test_only_what_is_accepted_counts(admin: Client, judge: Client) -> None:
    course, person = await known_course(admin), await new_employee(admin)
    record = await submitted(admin, person, course_id=course, valid_until=LATER)
    missing = ("missing", None, None, None)
    assert await held(admin, course, person) == missing
    await decided(judge, record)
    assert await held(admin, course, person) == ("valid", None, record, "2190-01-01T00:00:00.000000Z")
    await decided(judge, record, "reject")
    assert await held(admin, course, person) == missing


async def test_training_of_no_course_counts_for_none(admin: Client, judge: Client) -> None:
    course, person = await known_course(admin, title="First Aid"), await new_employee(admin)
    await accepted(admin, judge, person, training_name="First Aid")
    assert (await held(admin, course, person))[0] == "missing"


async def test_without_an_end_of_its_own_it_is_valid_for_the_courses_months(admin: Client, judge: Client) -> None:
    course, person = await known_course(admin, validity_months=1200), await new_employee(admin)
    record = await accepted(admin, judge, person, course_id=course)
    assert await held(admin, course, person) == ("valid", None, record, "2125-03-03T08:00:00.000000Z")


async def test_an_end_of_its_own_counts_more_than_the_courses_months(admin: Client, judge: Client) -> None:
    course, person = await known_course(admin, validity_months=1200), await new_employee(admin)
    await accepted(admin, judge, person, course_id=course, valid_until="2025-04-04T00:00:00Z")
    assert (await held(admin, course, person))[0] == "missing"


@pytest.mark.parametrize(
    ("score", "passed", "status", "result"),
    [(80, True, "valid", "passed"), (20, False, "missing", "failed"), (None, None, "valid", "attended")],
)
async def test_a_score_below_the_pass_score_does_not_certify(
    admin: Client, judge: Client, score: int | None, passed: bool | None, status: str, result: str
) -> None:
    course, attendee = await known_course(admin, pass_score=50), Attendee(admin, await new_employee(admin))
    record = await submitted(admin, attendee.id, course_id=course, score=score, valid_until=LATER)
    assert (await decided(judge, record))["passed"] is passed
    assert (await held(admin, course, attendee.id))[0] == status
    told = await attendee.record(record, status="completed", result=result)
    assert (told["valid_until"] is None) == (result == "failed")


async def test_the_longest_counts_whether_from_here_or_elsewhere(admin: Client, judge: Client) -> None:
    course, person = await known_course(admin, validity_months=12), await new_employee(admin)
    [enrollment] = await enroll(admin, await session_of(admin, course, **BEGUN), person)
    await changed(admin, enrollment, "complete")
    assert (await held(admin, course, person))[1:3] == (enrollment, None)
    record = await accepted(admin, judge, person, course_id=course, valid_until=LATER)
    assert (await held(admin, course, person))[1:3] == (None, record)
    await decided(judge, record, "reject")
    assert (await held(admin, course, person))[1:3] == (enrollment, None)


async def test_it_is_a_prerequisite_as_a_completion_here_is(admin: Client, judge: Client) -> None:
    first, second = await course_with_prerequisite(admin)
    person = await new_employee(admin)
    asked_for = (await admin.get(f"/api/v1/training/sessions/{first}")).data["course"]["id"]
    record = await submitted(admin, person, course_id=asked_for)
    assert (await ask_to_enroll(admin, second, person)).json["code"] == "prerequisite_missing"
    await decided(judge, record)
    assert (await ask_to_enroll(admin, second, person)).status == 201


async def test_control_where_enrollments_alone_count_it_is_noticed(
    admin: Client, judge: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, store, "_COUNTING", "UNION ALL", "EXCEPT")
    course, person = await known_course(admin), await new_employee(admin)
    await accepted(admin, judge, person, course_id=course)
    assert (await held(admin, course, person))[0] == "missing"


async def test_a_completion_renews_what_was_held_from_elsewhere(admin: Client, judge: Client) -> None:
    course = await known_course(admin, validity_months=12, renewal_window_days=3000)
    person = await new_employee(admin)
    end = datetime.now(UTC) + timedelta(days=100)
    await accepted(admin, judge, person, course_id=course, valid_until=end.isoformat())
    [enrollment] = await enroll(admin, await session_of(admin, course, **BEGUN), person)
    await changed(admin, enrollment, "complete")
    *_, until = await held(admin, course, person)
    assert until is not None
    assert datetime.fromisoformat(until) > end + timedelta(days=360)


async def test_who_left_holds_it_no_more_and_who_came_back_does_again(admin: Client, judge: Client) -> None:
    course, person = await known_course(admin), await new_employee(admin)
    record = await accepted(admin, judge, person, course_id=course)
    await admin.delete(f"{EMPLOYEES}/{person}")
    assert (await admin.get(COMPLIANCE, course_id=course)).data == []
    await admin.put(f"{EMPLOYEES}/{person}", {"employee_id": "E", "full_name": "Comes Back"})
    assert (await held(admin, course, person))[:3] == ("valid", None, record)


async def test_merging_takes_records_along(stack: Stack, admin: Client, judge: Client, organisation: int) -> None:
    course, one = await known_course(admin), await new_employee(admin, company={"id": 7, "name": "Old"})
    into = Attendee(admin, await new_employee(admin))
    closed = await accepted(admin, judge, one, course_id=course)
    pending = await submitted(admin, one)
    async with subscriber(stack.settings["enrollment"].exchange, organisation) as events:
        answer = await admin.request(
            "POST", f"{EMPLOYEES}/{one}/merge", json={"into": into.id}, headers={"If-Match": "*"}
        )
        assert answer.status == 200, answer.text
        told = [(await events.event("record.reassigned", count))["data"] for count in (1, 2)]
    assert sorted((state["id"], state["employee_id"], state["version"]) for state in told) == sorted(
        [(str(closed), str(into.id), "3"), (str(pending), str(into.id), "2")]
    )
    assert await held(admin, course, into.id) == ("valid", None, closed, None)
    assert [(await admin.get(f"{RECORDS}/{each}")).data["employee"]["id"] for each in (closed, pending)] == [
        into.id
    ] * 2
    record = await into.record(closed, status="completed")
    assert record["person"]["company"] == "Old"
    await into.record(pending, status="proposed")
    last = (await admin.get(f"{RECORDS}/{pending}/audit")).data[-1]
    assert (last["action"], last["changes"]) == ("record.reassigned", {"employee_id": {"from": one, "to": into.id}})


async def test_rejecting_what_was_accepted_revokes_the_certification(
    stack: Stack, admin: Client, judge: Client, organisation: int
) -> None:
    course, person = await known_course(admin), await new_employee(admin)
    async with subscriber(stack.settings["enrollment"].exchange, organisation) as events:
        record = await accepted(admin, judge, person, course_id=course, valid_until=LATER)
        await decided(judge, record, "reject")
        revoked = (await events.event("certification.revoked"))["data"]
    named = [revoked[name] for name in ("id", "course_id", "employee_id", "version", "source")]
    assert named == [str(record), str(course), str(person), "1", "external"]


# Below, the use cases alone, on a database of the test's own.


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, 4) as pool:
        yield pool


def caller(subject: str) -> Caller:
    return Caller(ORGANISATION, subject, subject.title(), "staff", frozenset({RECORD, MANAGE}))


def actor(subject: str) -> Actor:
    return Actor(subject, subject.title())


async def new_record(pool: Pool, **end_in: float) -> tuple[int, int, int]:
    """Record, course and person; accepted already."""
    await new_session(pool, places=1)
    course = await pool.fetchval("SELECT max(id) FROM courses")
    [person] = await new_people(pool, 1)
    now = datetime.now(UTC)
    fields = RecordFields(
        employee_id=person,
        course_id=course,
        provider="Red Cross",
        completed_at=(now - timedelta(days=300)).isoformat().replace("+00:00", "Z"),  # type: ignore[arg-type]
        valid_until=(now + timedelta(**end_in)).isoformat().replace("+00:00", "Z"),  # type: ignore[arg-type]
    )
    async with transaction(pool, [ORGANISATION]) as connection:
        record, _ = await external_records.submit(connection, caller("clerk"), fields, actor("clerk"))
    await external_records.accept(pool, caller("judge"), record, actor("judge"), UNCONDITIONAL)
    return record, course, person


async def told(pool: Pool) -> list[tuple[str, dict[str, Any]]]:
    rows = await pool.fetch("SELECT routing_key, body FROM outbox WHERE routing_key LIKE 'certification.%' ORDER BY id")
    return [(row["routing_key"], json.loads(row["body"])["data"]) for row in rows]


async def test_notices_of_its_expiry_are_sent_once(pool: Pool) -> None:
    record, course, person = await new_record(pool, days=6, hours=12)
    for _ in range(2):
        while await send_batch(pool, (30, 7)):
            pass
        await execute(pool, "UPDATE certifications SET look_at = now() WHERE look_at IS NOT NULL")
    [(key, data)] = await told(pool)
    assert key == "certification.expiring"
    named = [data[name] for name in ("id", "version", "course_id", "employee_id", "days_left", "source")]
    assert named == [record, 1, course, person, 7, "external"]


async def test_two_who_decide_at_once_decide_one_after_the_other(pool: Pool) -> None:
    record, _, _ = await new_record(pool, days=300)
    async with asyncio.timeout(30):
        outcomes = await asyncio.gather(
            external_records.reject(pool, caller("judge"), record, "No", actor("judge"), UNCONDITIONAL),
            external_records.reject(pool, caller("other"), record, "No", actor("other"), UNCONDITIONAL),
        )
    assert len({each.etag for each in outcomes}) == 1
    assert await pool.fetchval("SELECT version FROM external_records WHERE id = $1", record) == 3
    assert await pool.fetchval("SELECT count(*) FROM certifications") == 0
    assert [key for key, _ in await told(pool)] == ["certification.revoked"]
