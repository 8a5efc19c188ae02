"""Two people who turn out to be one: what the one has goes to the other, and the id of the one leads to the other."""

import secrets
from typing import Any

import pytest

from shared.auth.internal_token import VIEW_SELF
from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.lifecycle import changed, enroll_or_wait, shown, statuses_of
from tests.support.stack import Stack
from tests.support.world import (
    BEGUN,
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    STAFF,
    enroll,
    new_course,
    new_employee,
    new_employees,
    new_session,
    new_staff,
)

COMPLIANCE = "/api/v1/training/compliance"
COMPANY = {"id": 77, "name": "ABC Contractors Pty Ltd"}
GONE = "Worker not found or not in your organisation"


async def ask_to_merge(admin: Client, person: int, into: Any, path: str = EMPLOYEES, **headers: str) -> Answer:
    headers = headers or {"If-Match": "*"}
    return await admin.request("POST", f"{path}/{person}/merge", json={"into": into}, headers=headers)


async def merge(admin: Client, person: int, into: int, path: str = EMPLOYEES) -> None:
    answer = await ask_to_merge(admin, person, into, path)
    assert (answer.status, answer.data["id"], answer.json["message"]) == (200, into, "Merged"), answer.text


async def enrollments_of(admin: Client, person: int) -> list[int]:
    listed = (await admin.get(ENROLLMENTS, employee_id=person)).json["data"]
    return sorted(each["id"] for each in listed)


async def history_of(admin: Client, person: int, count: int, path: str = EMPLOYEES) -> dict[int, dict[str, Any]]:
    """By enrollment, once there are so many."""

    async def records() -> list[dict[str, Any]]:
        answer = await admin.get(f"{path}/{person}/training")
        assert answer.status == 200
        assert answer.json["meta"]["total"] == count
        return list(answer.json["data"])

    return {record["id"]: record for record in await eventually(records)}


async def test_all_that_the_one_has_goes_to_the_other(admin: Client) -> None:
    one, other = await new_employee(admin, company=COMPANY), await new_employee(admin, full_name="Jane Roe")
    course = await new_course(admin, validity_months=12)
    [completed] = await enroll(admin, await new_session(admin, course, **BEGUN), one)
    await changed(admin, completed, "complete", {"score": 80})
    [cancelled] = await enroll(admin, await new_session(admin, course), one)
    await changed(admin, cancelled, "cancel")
    [booked] = await enroll(admin, await new_session(admin, course), one)
    [own] = await enroll(admin, await new_session(admin, course), other)
    everything = sorted([completed, cancelled, booked, own])
    before = await shown(admin, completed)
    await merge(admin, one, other)
    assert (await enrollments_of(admin, one), await enrollments_of(admin, other)) == ([], everything)
    after = await shown(admin, completed)
    assert after == {**before, "employee": {**before["employee"], **after["employee"]}}
    assert after["employee"]["full_name"] == "Jane Roe"
    records = await history_of(admin, other, 4)
    assert sorted(records) == everything
    person = {"id": other, "type": "employee", "name": "Jane Roe"}
    assert records[completed]["person"] == {**person, "company": COMPANY["name"]}
    assert records[booked]["person"] == {**person, "company": None}
    [held] = (await admin.get(COMPLIANCE, course_id=course, status="valid")).json["data"]
    assert (held["employee"]["id"], held["enrollment_id"]) == (other, completed)
    assert (await admin.get(COMPLIANCE, course_id=course)).json["meta"]["total"] == 1


@pytest.mark.parametrize("path", [EMPLOYEES, STAFF])
async def test_the_old_id_says_into_whom(admin: Client, path: str) -> None:
    one, other = await (new_employee if path == EMPLOYEES else new_staff)(admin), await new_staff(admin)
    fields = {"employee_id": "E-1", "full_name": "Comes Back"}
    await merge(admin, one, other, path)

    async def gone_from_history() -> bool:
        return bool((await admin.get(f"{path}/{one}/training")).json.get("merged_into") == other)

    await eventually(gone_from_history)
    answers = [
        await admin.get(f"{path}/{one}"),
        await admin.put(f"{path}/{one}", fields),
        await admin.put(f"{STAFF}/{one}", fields),
        await admin.delete(f"{path}/{one}"),
        await ask_to_merge(admin, one, other, path),
        await admin.get(f"{path}/{one}/training"),
    ]
    for answer in answers:
        told = answer.status, answer.json["code"], answer.json["message"], answer.json.get("merged_into")
        assert told == (404, "not_found", GONE, other)
    assert "merged_into" not in (await admin.get(f"{path}/{one + 1}")).json
    last = (await admin.get(f"{path}/{one}/audit")).json["data"][-1]
    assert (last["action"], last["changes"]["merged_into"]) == ("employee.merged", {"from": None, "to": other})


async def test_whoever_sees_their_own_alone_is_not_told(stack: Stack, admin: Client, organisation: int) -> None:
    one, other = await new_employees(admin, 2)
    await merge(admin, one, other)
    employee = stack.client(organisation, permissions=["api.access", VIEW_SELF], employee_id=one)
    for path in (f"{EMPLOYEES}/{one}", f"{EMPLOYEES}/{one}/training"):
        answer = await employee.get(path)
        assert answer.status == 404
        assert "merged_into" not in answer.json


async def test_whoever_was_merged_into_can_be_merged_too(admin: Client) -> None:
    first, second, third = await new_employees(admin, 3)
    [enrollment] = await enroll(admin, await new_session(admin, await new_course(admin)), first)
    await merge(admin, first, second)
    await merge(admin, second, third)
    assert await enrollments_of(admin, third) == [enrollment]
    assert (await admin.get(f"{EMPLOYEES}/{first}")).json["merged_into"] == second


@pytest.mark.parametrize("swapped", [False, True])
async def test_of_a_double_booking_the_further_stays_and_the_seat_goes_to_the_next(
    admin: Client, swapped: bool
) -> None:
    one, other, next_ = await new_employees(admin, 3)
    session = await new_session(admin, await new_course(admin), max_participants=2)
    first, second = await enroll(admin, session, one, other)
    waiting = (await enroll_or_wait(admin, session, next_))["enrollments"][0]["id"]
    further, less = (second, first) if swapped else (first, second)
    await changed(admin, further, "check-in", {"method": "manual"})
    await merge(admin, one, other)
    assert await statuses_of(admin, further, less, waiting) == ["enrolled", "cancelled", "enrolled"]
    assert await enrollments_of(admin, other) == [first, second]
    audit = (await admin.get(f"{ENROLLMENTS}/{less}/audit")).json["data"]
    [cancelled] = [entry for entry in audit if entry["action"] == "enrollment.cancelled"]
    assert str(other) in cancelled["changes"]["reason"]["to"]


async def test_a_result_is_not_lost_to_a_booking(admin: Client) -> None:
    one, other = await new_employees(admin, 2)
    course = await new_course(admin, pass_score=70, validity_months=12)
    session = await new_session(admin, course, **BEGUN)
    completed, failed = await enroll(admin, session, one, other)
    await changed(admin, completed, "complete", {"score": 80})
    await changed(admin, failed, "complete", {"score": 40})
    await merge(admin, one, other)
    gone = await shown(admin, failed)
    assert (gone["status"], gone["score"], gone["completed_at"]) == ("cancelled", None, None)
    assert (await shown(admin, completed))["score"] == 80

    async def counted() -> bool:
        found = (await admin.get(f"{COURSES}/{course}")).data
        assert (found["total_enrollments"], found["average_score"]) == (1, 80)
        return True

    await eventually(counted)
    [held] = (await admin.get(COMPLIANCE, course_id=course, status="valid")).json["data"]
    assert held["enrollment_id"] == completed


async def test_in_a_standing_session_both_results_stay(admin: Client) -> None:
    one, other = await new_employees(admin, 2)
    session = await new_session(admin, await new_course(admin, delivery_mode="self_paced"), **BEGUN)
    both = await enroll(admin, session, one, other)
    for enrollment in both:
        await changed(admin, enrollment, "complete", {})
    await merge(admin, one, other)
    assert await statuses_of(admin, *both) == ["completed", "completed"]
    assert await enrollments_of(admin, other) == both


async def test_it_needs_the_version_that_it_is_about(admin: Client) -> None:
    one, other = await new_employees(admin, 2)
    read = (await admin.get(f"{EMPLOYEES}/{one}")).headers["ETag"]
    await admin.put(f"{EMPLOYEES}/{one}", {"employee_id": "E-1", "full_name": "Another Name"})
    for headers, refusal in (
        ({"X-Other": "1"}, (428, "precondition_required")),
        ({"If-None-Match": "*"}, (428, "precondition_required")),
        ({"If-Match": read}, (412, "precondition_failed")),
        ({"If-Match": (await admin.get(f"{EMPLOYEES}/{other}")).headers["ETag"]}, (412, "precondition_failed")),
    ):
        answer = await ask_to_merge(admin, one, other, **headers)
        assert (answer.status, answer.json["code"]) == refusal
    newest = (await admin.get(f"{EMPLOYEES}/{one}")).headers["ETag"]
    assert (await ask_to_merge(admin, one, other, **{"If-Match": newest})).status == 200


async def test_whom_it_names_has_to_be_another_person_who_is_there(admin: Client) -> None:
    one, removed = await new_employees(admin, 2)
    await admin.delete(f"{EMPLOYEES}/{removed}")
    for into in (secrets.randbelow(2**40) + 1, removed):
        answer = await ask_to_merge(admin, one, into)
        assert (answer.status, answer.json["errors"]) == (422, {"into": ["The selected employee does not exist."]})
    answer = await ask_to_merge(admin, one, one)
    assert answer.json["errors"] == {"into": ["An employee cannot be merged into themselves."]}
    assert (await ask_to_merge(admin, one, one, STAFF)).status == 404
    assert (await admin.get(f"{EMPLOYEES}/{one}")).status == 200


async def test_with_a_key_it_is_done_once(admin: Client) -> None:
    one, other, third = await new_employees(admin, 3)
    headers = {"If-Match": "*", "Idempotency-Key": f"merge-{one}"}
    first, second = [await ask_to_merge(admin, one, other, **headers) for _ in range(2)]
    assert (first.status, second.status, second.text) == (200, 200, first.text)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert (await ask_to_merge(admin, third, other, **headers)).status == 200
    assert (await admin.get(f"{EMPLOYEES}/{third}")).json["merged_into"] == other


async def test_its_employee_id_is_free(admin: Client) -> None:
    one, other = await new_employee(admin, employee_id="EMP-7"), await new_employee(admin, employee_id="EMP-8")
    await merge(admin, one, other)
    answer = await admin.put(f"{EMPLOYEES}/{other}", {"employee_id": "EMP-7", "full_name": "John Doe"})
    assert answer.status == 200
