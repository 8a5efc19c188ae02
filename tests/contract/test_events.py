"""What subscribers get over the wire (contract, section 6)."""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

import aio_pika
import pytest

from services.accounts.schemas_organisations import OrganisationFields
from services.enrollment.use_cases.preservation import preserve_batch
from shared.events.types import STATE_OF
from shared.messaging.installation import describe
from shared.observability import is_traceparent
from shared.postgres.pool import connection_pool
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.external_records import decided, submitted
from tests.support.lifecycle import in_enrollment, somebody_is_passed_over
from tests.support.requirements import new_requirement
from tests.support.routes import example_body
from tests.support.stack import Stack
from tests.support.subscriber import Subscriber, subscriber
from tests.support.world import (
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    ORGANISATIONS,
    REQUIREMENTS,
    SESSIONS,
    SETTINGS,
    WEBHOOKS,
    enroll,
    new_course,
    new_employee,
    new_session,
)

MATRIX = "/api/v1/training/compliance/matrix"
ENVELOPE = {
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "dataschema",
    "datacontenttype",
    "traceparent",
    "requestid",
    "organisationid",
    "data",
}
OF_A_REQUEST = {"requestid"}
BY_ITSELF = {"enrollment.preserved", "clearance.lost", "clearance.gained", "credential.revoked"}
"""Events that no request causes."""
COURSE = {
    "id",
    "version",
    "title",
    "category",
    "delivery_mode",
    "pass_score",
    "validity_months",
    "labels",
    "prerequisites",
    "renewal_window_days",
    "removed",
    "duration_hours",
    "cost_per_participant",
    "provider",
    "provider_name",
    "description",
    "created_at",
    "external_id",
}
SESSION = {
    "id",
    "version",
    "course_id",
    "session_name",
    "start_date",
    "end_date",
    "location",
    "max_participants",
    "status",
    "projects",
    "removed",
    "enrollment_opens_at",
    "enrollment_closes_at",
    "meetings",
    "facilitator",
    "external_id",
}
PERSON = {
    "id",
    "version",
    "type",
    "employee_id",
    "full_name",
    "company",
    "created_at",
    "removed",
    "merged_into",
    "erased_at",
}
ENROLLMENT = {
    "id",
    "version",
    "session_id",
    "course_id",
    "employee_id",
    "status",
    "holds_seat",
    "score",
    "passed",
    "feedback",
    "certificate_url",
    "enrolled_at",
    "completed_at",
    "valid_until",
    "checked_in_at",
    "check_in_method",
    "judged_by",
    "certifies",
    "remembered",
    "attendance",
}
CLEARANCE = {"id", "version", "employee_id", "requirement", "lacking"}
COMPLETION = {"id", "version", "course_id", "employee_id", "completed_at", "valid_until", "days_left", "source"}
RECORD = {
    "id",
    "version",
    "source",
    "employee_id",
    "course_id",
    "training_name",
    "provider",
    "status",
    "completed_at",
    "valid_until",
    "score",
    "passed",
    "certificate_url",
    "evidence",
    "submitted_at",
    "submitted_by",
    "decided_at",
    "decided_by",
    "reason",
    "certifies",
    "remembered",
    "key",
}
REQUIREMENT = {
    "id",
    "version",
    "name",
    "applies_to",
    "needs",
    "grace_days",
    "from",
    "until",
    "created_at",
    "removed",
}
CREDENTIAL = {"id", "version", "employee_id", "enrollment_id", "record_id", "issued_at", "revoked_at"}
BEGINNING = {"id", "version", "time_zone", "booking_clash"}
SETTINGS_STATE = BEGINNING | {"issuer_name", "language"}
WEBHOOK = {
    "id",
    "version",
    "host",
    "types",
    "description",
    "thin",
    "status",
    "disabled_reason",
    "created_at",
    "removed",
}
EVENTS = {
    "course.saved": ("catalog", "courses", COURSE),
    "session.saved": ("catalog", "sessions", SESSION),
    "course.removed": ("catalog", "courses", COURSE),
    "session.removed": ("catalog", "sessions", SESSION),
    "employee.saved": ("enrollment", "employees", PERSON),
    "employee.removed": ("enrollment", "employees", PERSON),
    "employee.merged": ("enrollment", "employees", PERSON),
    "employee.erased": ("enrollment", "employees", PERSON),
    "enrollment.created": ("enrollment", "enrollments", ENROLLMENT),
    "enrollment.waitlisted": ("enrollment", "enrollments", ENROLLMENT),
    "enrollment.promoted": ("enrollment", "enrollments", ENROLLMENT),
    "enrollment.passed_over": ("enrollment", "enrollments", ENROLLMENT),
    "enrollment.transferred": ("enrollment", "enrollments", ENROLLMENT),
    "enrollment.checked_in": ("enrollment", "enrollments", ENROLLMENT),
    "enrollment.completed": ("enrollment", "enrollments", ENROLLMENT),
    "enrollment.failed": ("enrollment", "enrollments", ENROLLMENT),
    "enrollment.absent": ("enrollment", "enrollments", ENROLLMENT),
    "enrollment.cancelled": ("enrollment", "enrollments", ENROLLMENT),
    "enrollment.reassigned": ("enrollment", "enrollments", ENROLLMENT),
    "enrollment.erased": ("enrollment", "enrollments", ENROLLMENT),
    "enrollment.preserved": ("enrollment", "enrollments", ENROLLMENT),
    "enrollment.check_in_removed": ("enrollment", "enrollments", ENROLLMENT),
    "enrollment.reopened": ("enrollment", "enrollments", ENROLLMENT),
    "record.submitted": ("enrollment", "records", RECORD),
    "record.accepted": ("enrollment", "records", RECORD),
    "record.rejected": ("enrollment", "records", RECORD),
    "record.reassigned": ("enrollment", "records", RECORD),
    "record.erased": ("enrollment", "records", RECORD),
    "certification.revoked": ("enrollment", "certifications", COMPLETION),
    "requirement.saved": ("enrollment", "requirements", REQUIREMENT),
    "requirement.removed": ("enrollment", "requirements", REQUIREMENT),
    "clearance.lost": ("enrollment", "clearances", CLEARANCE),
    "clearance.gained": ("enrollment", "clearances", CLEARANCE),
    "credential.issued": ("enrollment", "credentials", CREDENTIAL),
    "credential.revoked": ("enrollment", "credentials", CREDENTIAL),
    "settings.saved": ("enrollment", "settings", SETTINGS_STATE),
    "organisation.created": ("accounts", "organisations", BEGINNING | {"name"}),
    "webhook.saved": ("delivery", "webhooks", WEBHOOK),
    "webhook.disabled": ("delivery", "webhooks", WEBHOOK),
    "webhook.removed": ("delivery", "webhooks", WEBHOOK),
}
"""Routing key → the service it is from, what its subject is called, and the fields of its data."""


@pytest.fixture
async def events(stack: Stack, organisation: int) -> AsyncIterator[Subscriber]:
    async with subscriber(stack.settings["enrollment"].exchange, organisation) as events:
        yield events


async def everything_happens(stack: Stack, client: Client, organisation: int) -> None:
    """Each kind of event at least once."""
    course_id = await new_course(client, pass_score=70, labels=[{"id": 3, "name": "Leading"}])
    session_id = await new_session(client, course_id, projects=[{"id": 9, "name": "Metro"}], max_participants=4)
    other_session_id = await new_session(client, course_id)
    people = [await new_employee(client) for _ in range(5)]
    completed, failed, absent, cancelled = await enroll(client, session_id, *people[:4])
    waiting = {"session_id": session_id, "employee_ids": people[4:], "waitlist": True}
    [waitlisted] = (await client.post(ENROLLMENTS, waiting)).data["enrollments"]
    await client.patch(f"{ENROLLMENTS}/{completed}/check-in", {"method": "kiosk"})
    await client.patch(f"{ENROLLMENTS}/{completed}/complete", {"score": 82})
    await client.get(f"{ENROLLMENTS}/{completed}/credential")
    await client.patch(f"{ENROLLMENTS}/{completed}/reopen", {"reason": "It was somebody else"})
    await client.delete(f"{ENROLLMENTS}/{completed}/check-in")
    await client.patch(f"{ENROLLMENTS}/{failed}/complete", {"score": 12.5})
    await client.patch(f"{ENROLLMENTS}/{absent}/absent")
    await client.patch(f"{ENROLLMENTS}/{cancelled}/cancel")
    await client.patch(f"{ENROLLMENTS}/{waitlisted['id']}/transfer", {"session_id": other_session_id})
    await client.delete(f"{EMPLOYEES}/{people[3]}")
    empty = await new_course(client)
    await client.delete(f"{SESSIONS}/{await new_session(client, empty)}")
    await client.delete(f"{COURSES}/{empty}")
    await in_enrollment(stack, "UPDATE enrollments SET remembered = NULL WHERE id = $1", failed)
    async with connection_pool(stack.enrollment_database_url, name="test", size=1) as pool:
        await preserve_batch(pool)
    await somebody_is_passed_over(client)
    await client.put(SETTINGS, {"time_zone": "Australia/Sydney"})
    record = await submitted(client, people[0])
    await decided(stack.client(organisation), record)
    await decided(client, record, "reject")
    await somebody_loses_clearance_and_gains_it(client, course_id)
    merged = {"into": people[1]}
    await client.request("POST", f"{EMPLOYEES}/{people[0]}/merge", json=merged, headers={"If-Match": "*"})
    await somebody_is_erased(client)
    made = await client.post(ORGANISATIONS, example_body(OrganisationFields) | {"id": organisation})
    assert made.status == 201, made.text
    webhook = (await client.post(WEBHOOKS, {"url": "https://hooks.invalid/"})).headers["Location"]
    await client.patch(webhook, {"status": "disabled"})
    await client.delete(webhook)


async def somebody_loses_clearance_and_gains_it(client: Client, course_id: int) -> None:
    """A worker has to see that somebody lacks it before nobody is asked for it any more."""
    asked = await new_requirement(client, needs={"course_id": course_id})

    async def lacking() -> bool:
        [row] = (await client.get(MATRIX)).data["rows"]
        return any(cell["lacking"] for cell in row["requirements"])

    await eventually(lacking)
    await client.delete(f"{REQUIREMENTS}/{asked}")


async def somebody_is_erased(client: Client) -> None:
    """With feedback, and a record of training done elsewhere."""
    person = await new_employee(client)
    [enrollment] = await enroll(client, await new_session(client, await new_course(client)), person)
    await client.patch(f"{ENROLLMENTS}/{enrollment}/complete", {"feedback": "Well done"})
    await submitted(client, person)
    erased = await client.post(f"{EMPLOYEES}/{person}/erase", {"reason": "They asked for it"})
    assert erased.status == 200, erased.text


async def test_every_event_is_a_cloud_event_with_the_whole_state(
    stack: Stack, admin: Client, organisation: int, events: Subscriber
) -> None:
    await everything_happens(stack, admin, organisation)
    for routing_key, (source, subject, fields) in EVENTS.items():
        event = await events.event(routing_key)
        of_nobody = OF_A_REQUEST if routing_key in BY_ITSELF else set()
        assert set(event) == ENVELOPE - of_nobody, routing_key
        assert event["specversion"] == "1.0"
        assert event["type"] == f"training.{routing_key}.v1"
        assert re.fullmatch(rf"urn:muster:[0-9a-f-]{{36}}:{source}", event["source"])
        assert event["subject"] == f"{subject}/{event['data']['id']}"
        assert event["dataschema"] == f"urn:muster:schema:{event['type']}.json"
        assert UUID(event["id"]).version == 7
        assert datetime.fromisoformat(event["time"]).utcoffset() is not None
        assert (type(event["organisationid"]), event["organisationid"]) == (str, str(organisation))
        assert is_traceparent(event["traceparent"])
        assert set(event["data"]) == fields, routing_key


def test_every_event_there_is_stands_in_the_contract() -> None:
    ends_of_completions = {"certification.expiring", "certification.expired"}
    assert {event_type.type for event_type in STATE_OF} == set(EVENTS) | ends_of_completions


async def test_messages_are_persistent_and_say_what_they_are(admin: Client, events: Subscriber) -> None:
    await new_course(admin)
    message = await events.message("course.saved")
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert message.content_type == "application/cloudevents+json"
    assert message.message_id == (await events.event("course.saved"))["id"]


async def test_an_event_carries_the_trace_of_its_request(admin: Client, events: Subscriber) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    body = {"title": "T", "category": "safety", "delivery_mode": "online", "duration_hours": 1}
    sent = {"X-Request-Id": "request-0001", "traceparent": traceparent, "tracestate": "rojo=1, congo=t61"}
    await admin.post(COURSES, body, **sent)
    event = await events.event("course.saved")
    assert event["requestid"] == "request-0001"
    assert event["traceparent"][:36] == traceparent[:36]
    assert event["traceparent"][-2:] == "00"  # a client's flag counts for nothing
    assert event["tracestate"] == "rojo=1,congo=t61"


async def test_the_schema_of_an_event_is_served(stack: Stack, admin: Client, events: Subscriber) -> None:
    owner = stack.settings["catalog"].migration_database_url.get_secret_value()
    await describe(owner, None, stack.gateway_url)
    try:
        await new_course(admin)
        event = await events.event("course.saved")
    finally:
        await describe(owner, None, None)
    async with stack.http.get(event["dataschema"]) as answer:
        assert answer.status == 200
        assert (await answer.json())["title"] == "training.course.saved.v1"


async def test_the_version_rises_by_one_with_each_change(admin: Client, events: Subscriber) -> None:
    course_id = await new_course(admin)
    for title in ("B", "B", "C"):
        await admin.patch(f"{COURSES}/{course_id}", {"title": title})
    told = [(await events.event("course.saved", count))["data"] for count in (1, 2, 3)]
    assert [(state["title"], state["version"]) for state in told] == [
        ("Leadership Essentials", "1"),
        ("B", "2"),
        ("C", "3"),
    ]


async def test_a_change_that_changes_nothing_is_not_told(admin: Client, events: Subscriber) -> None:
    employee_id = await new_employee(admin, employee_id="E-1", full_name="John Doe")
    await admin.put(f"{EMPLOYEES}/{employee_id}", {"employee_id": "E-1", "full_name": "John Doe"})
    await admin.put(f"{EMPLOYEES}/{employee_id}", {"employee_id": "E-1", "full_name": "Jane Doe"})
    second = await events.event("employee.saved", 2)
    assert (second["data"]["full_name"], second["data"]["version"]) == ("Jane Doe", "2")


@pytest.mark.parametrize(
    ("score", "written", "passed", "routing_key"),
    [
        (82, "82", True, "enrollment.completed"),
        (82.5, "82.5", True, "enrollment.completed"),
        (70, "70", True, "enrollment.completed"),
        (69.99, "69.99", False, "enrollment.failed"),
        (0, "0", False, "enrollment.failed"),
    ],
)
async def test_a_completion_is_told_with_its_exact_score(
    admin: Client, events: Subscriber, score: Any, written: str, passed: bool, routing_key: str
) -> None:
    session_id = await new_session(admin, await new_course(admin, pass_score=70))
    [enrollment_id] = await enroll(admin, session_id, await new_employee(admin))
    await admin.patch(f"{ENROLLMENTS}/{enrollment_id}/complete", {"score": score})
    state = (await events.event(routing_key))["data"]
    assert (state["score"], state["passed"]) == (written, passed)
