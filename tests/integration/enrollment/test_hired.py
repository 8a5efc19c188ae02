"""A contractor's worker who is hired is the same person: bookings, records and certificates stay, and back again."""

import pytest

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.lifecycle import changed, enroll_or_wait, statuses_of
from tests.support.stack import Stack
from tests.support.subscriber import subscriber
from tests.support.world import BEGUN, EMPLOYEES, STAFF, enroll, new_course, new_employee, new_session

COMPLIANCE = "/api/v1/training/compliance"
FIELDS = {"employee_id": "EMP-042", "full_name": "John Doe"}
COMPANY = {"id": 77, "name": "ABC Contractors Pty Ltd"}
TYPES = {EMPLOYEES: "employee", STAFF: "staff"}
BOTH_WAYS = pytest.mark.parametrize(("path", "other"), [(EMPLOYEES, STAFF), (STAFF, EMPLOYEES)])


@BOTH_WAYS
async def test_the_type_changes_and_bookings_stay(admin: Client, path: str, other: str) -> None:
    person = (await admin.put(f"{path}/42", FIELDS)).data
    session_id = await new_session(admin, await new_course(admin), max_participants=1)
    [booked] = await enroll(admin, session_id, 42)
    [behind] = (await enroll_or_wait(admin, session_id, await new_employee(admin)))["enrollments"]
    hired = await admin.put(f"{other}/42", FIELDS)
    assert (hired.status, hired.data) == (200, {**person, "type": TYPES[other]})
    assert await statuses_of(admin, booked, behind["id"]) == ["enrolled", "waitlisted"]
    assert [(await admin.get(f"{each}/42")).status for each in (path, other)] == [404, 200]
    assert [(await admin.get(each, search="EMP-042")).json["meta"]["total"] for each in (path, other)] == [0, 1]


async def test_records_and_certificates_of_the_worker_are_those_of_the_staff_member(admin: Client) -> None:
    await admin.put(f"{EMPLOYEES}/42", {**FIELDS, "company": COMPANY})
    course_id = await new_course(admin, validity_months=12)
    [enrollment_id] = await enroll(admin, await new_session(admin, course_id, **BEGUN), 42)
    await changed(admin, enrollment_id, "complete", {})
    assert (await admin.put(f"{STAFF}/42", FIELDS)).data["company"] is None

    async def records() -> list[dict[str, object]]:
        answer = await admin.get(f"{STAFF}/42/training")
        return list(answer.json["data"]) if answer.status == 200 else []

    await eventually(records)
    [record] = await records()
    assert record["id"] == enrollment_id
    assert record["person"] == {"id": 42, "type": "staff", "name": "John Doe", "company": COMPANY["name"]}
    assert (await admin.get(f"{EMPLOYEES}/42/training")).status == 404
    [held] = (await admin.get(COMPLIANCE, course_id=course_id, status="valid")).json["data"]
    assert held["employee"] == {"id": 42, "type": "staff", **FIELDS, "company": None}


async def test_versions_go_on_over_both_types(stack: Stack, admin: Client, organisation: int) -> None:
    created = await admin.put(f"{EMPLOYEES}/42", FIELDS)
    async with subscriber(stack.settings["enrollment"].exchange, organisation) as events:
        for _ in range(2):
            assert (await admin.put(f"{STAFF}/42", FIELDS)).status == 200
        saved = (await events.event("employee.saved", 1))["data"]
    assert (saved["type"], saved["version"]) == ("staff", "2")
    etag = {"If-Match": created.headers["ETag"]}
    stale = await admin.request("PUT", f"{EMPLOYEES}/42", json=FIELDS, headers=etag)
    assert (stale.status, stale.json["code"]) == (412, "precondition_failed")
    trail = (await admin.get(f"{STAFF}/42/audit")).json["data"]
    assert trail[-1]["changes"]["type"] == {"from": "employee", "to": "staff"}


@BOTH_WAYS
async def test_the_employee_id_is_still_one_person_s(admin: Client, path: str, other: str) -> None:
    await admin.put(f"{path}/42", FIELDS)
    await admin.put(f"{path}/43", {**FIELDS, "employee_id": "EMP-043"})
    refused = await admin.put(f"{other}/43", FIELDS)
    assert (refused.status, refused.json["code"]) == (409, "employee_id_taken")
    assert (await admin.get(f"{path}/43")).data["type"] == TYPES[path]
