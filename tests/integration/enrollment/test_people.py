"""People, mastered elsewhere (contract, section 4): put, get, list, remove."""

import asyncio
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.subscriber import subscriber
from tests.support.world import (
    BEGUN,
    EMPLOYEES,
    ENROLLMENTS,
    STAFF,
    enroll,
    new_course,
    new_employee,
    new_enrollment,
    new_session,
    new_staff,
)

FIELDS = {"employee_id": "EMP-042", "full_name": "John Doe"}
COMPANY = {"id": 77, "name": "ABC Contractors Pty Ltd"}
BOTH = pytest.mark.parametrize("path", [EMPLOYEES, STAFF])


@BOTH
async def test_a_put_creates_and_then_replaces(admin: Client, path: str) -> None:
    created = await admin.put(f"{path}/42", FIELDS)
    assert created.status == 201, created.text
    assert created.headers["Location"] == f"{path}/42"
    replaced = await admin.put(f"{path}/42", {**FIELDS, "full_name": "John A. Doe"})
    assert replaced.status == 200
    assert replaced.data == {**created.data, "full_name": "John A. Doe"}
    assert (await admin.get(f"{path}/42")).data == replaced.data


async def test_a_put_replaces_the_whole_person(admin: Client) -> None:
    await admin.put(f"{EMPLOYEES}/42", {**FIELDS, "company": COMPANY})
    answer = await admin.put(f"{EMPLOYEES}/42", FIELDS)
    assert answer.data["company"] is None


@BOTH
async def test_the_same_put_again_is_no_new_version(stack: Stack, admin: Client, organisation: int, path: str) -> None:
    async with subscriber(stack.settings["enrollment"].exchange, organisation) as events:
        for name in ("John Doe", "John Doe", "Jane Doe"):
            assert (await admin.put(f"{path}/42", {**FIELDS, "full_name": name})).status in (200, 201)
        second = (await events.event("employee.saved", 2))["data"]
    assert (second["full_name"], second["version"]) == ("Jane Doe", "2")


@pytest.mark.parametrize(("first", "second"), [(EMPLOYEES, STAFF), (STAFF, EMPLOYEES)])
async def test_employees_and_staff_share_one_id_space(admin: Client, first: str, second: str) -> None:
    await admin.put(f"{first}/42", FIELDS)
    for method in ("GET", "DELETE"):
        assert (await admin.request(method, f"{second}/42")).status == 404
    assert (await admin.get(f"{first}/42")).status == 200


@pytest.mark.parametrize("field", FIELDS)
@BOTH
async def test_a_person_needs_it(admin: Client, path: str, field: str) -> None:
    answer = await admin.put(f"{path}/42", {name: value for name, value in FIELDS.items() if name != field})
    assert (answer.status, answer.json["errors"]) == (422, {field: ["This field is required."]})


@pytest.mark.parametrize(
    ("path", "field", "value", "named"),
    [
        (EMPLOYEES, "full_name", "", "full_name"),
        (EMPLOYEES, "full_name", "x" * 256, "full_name"),
        (EMPLOYEES, "full_name", "\0", "full_name"),
        (EMPLOYEES, "employee_id", 42, "employee_id"),
        (EMPLOYEES, "company", "ABC", "company"),
        (EMPLOYEES, "company", {"id": 77}, "company.name"),
        (EMPLOYEES, "company", {"id": "77", "name": "ABC"}, "company.id"),
        (EMPLOYEES, "type", "staff", "type"),
        (STAFF, "company", COMPANY, "company"),
    ],
)
async def test_a_wrong_value_is_refused(admin: Client, path: str, field: str, value: Any, named: str) -> None:
    answer = await admin.put(f"{path}/42", {**FIELDS, field: value})
    assert (answer.status, list(answer.json["errors"])) == (422, [named])
    assert (await admin.get(f"{path}/42")).status == 404


async def test_puts_of_one_new_person_at_once_create_one(admin: Client) -> None:
    answers = await asyncio.gather(*(admin.put(f"{EMPLOYEES}/42", FIELDS) for _ in range(8)))
    statuses = [answer.status for answer in answers]
    assert statuses.count(201) == 1
    assert set(statuses) <= {200, 201, 409}
    assert (await admin.get(EMPLOYEES)).json["meta"]["total"] == 1


async def test_lists_find_by_name_number_and_company(admin: Client) -> None:
    people = {
        1: {"employee_id": "A-1", "full_name": "Ava Nguyen", "company": COMPANY},
        2: {"employee_id": "B-2", "full_name": "Ben Rossi", "company": {"id": 78, "name": "XYZ"}},
        3: {"employee_id": "50%", "full_name": "Chloe Smith"},
    }
    for person_id, fields in people.items():
        await admin.put(f"{EMPLOYEES}/{person_id}", fields)
    await admin.put(f"{STAFF}/4", {"employee_id": "S-4", "full_name": "Ava Staff"})

    async def found(path: str = EMPLOYEES, **query: Any) -> list[int]:
        return [person["id"] for person in (await admin.get(path, **query)).data]

    assert await found() == [1, 2, 3]
    assert await found(STAFF) == [4]
    assert await found(search="ava") == [1]
    assert await found(search="b-2") == [2]
    assert await found(search="%") == [3]
    assert await found(search="_") == []
    assert await found(company_id=77) == [1]
    assert await found(company_id=77, search="ben") == []
    assert await found(per_page=2, page=2) == [3]
    assert await found(STAFF, search="ava") == [4]


async def test_staff_have_no_company_to_ask_for(admin: Client) -> None:
    answer = await admin.get(STAFF, company_id=1)
    assert answer.json["errors"] == {"company_id": ["Unknown field."]}


@BOTH
async def test_a_person_who_was_removed_is_found_nowhere(admin: Client, path: str) -> None:
    person_id = await (new_employee if path == EMPLOYEES else new_staff)(admin)
    history = f"{path}/{person_id}/training"

    async def history_answers(status: int) -> bool:
        return (await admin.get(history)).status == status

    await eventually(lambda: history_answers(200))
    answer = await admin.delete(f"{path}/{person_id}")
    assert (answer.status, answer.json["success"]) == (200, True)
    for method in ("GET", "DELETE"):
        assert (await admin.request(method, f"{path}/{person_id}")).status == 404
    assert (await admin.get(path)).data == []
    await eventually(lambda: history_answers(404))


async def test_a_person_who_was_removed_cannot_be_enrolled(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin))
    person = await new_employee(admin)
    await admin.delete(f"{EMPLOYEES}/{person}")
    answer = await admin.post(ENROLLMENTS, {"session_id": session_id, "employee_ids": [person]})
    assert answer.json["errors"] == {"employee_ids.0": ["The selected employee does not exist."]}


async def test_the_records_of_a_person_who_was_removed_stay(admin: Client) -> None:
    session_id = await new_session(admin, await new_course(admin), **BEGUN)
    person = await new_employee(admin)
    [enrollment_id] = await enroll(admin, session_id, person)
    await admin.delete(f"{EMPLOYEES}/{person}")
    assert (await admin.get(f"{ENROLLMENTS}/{enrollment_id}")).data["employee"]["id"] == person
    assert (await admin.get(ENROLLMENTS, employee_id=person)).json["meta"]["total"] == 1
    assert (await admin.patch(f"{ENROLLMENTS}/{enrollment_id}/complete", {})).status == 200


async def test_removing_a_person_cancels_what_has_not_begun(admin: Client) -> None:
    course_id, person = await new_course(admin), await new_employee(admin)
    begun, to_come = await new_session(admin, course_id, **BEGUN), await new_session(admin, course_id)
    kept, ended = [(await enroll(admin, session_id, person))[0] for session_id in (begun, to_come)]
    await admin.delete(f"{EMPLOYEES}/{person}")
    statuses = [(await admin.get(f"{ENROLLMENTS}/{enrollment_id}")).data["status"] for enrollment_id in (kept, ended)]
    assert statuses == ["enrolled", "cancelled"]


async def test_a_person_who_comes_back_has_their_records(admin: Client) -> None:
    enrollment_id = await new_enrollment(admin)
    person = (await admin.get(f"{ENROLLMENTS}/{enrollment_id}")).data["employee"]["id"]
    await admin.delete(f"{EMPLOYEES}/{person}")
    assert (await admin.put(f"{EMPLOYEES}/{person}", FIELDS)).status == 201

    async def records() -> bool:
        answer = await admin.get(f"{EMPLOYEES}/{person}/training")
        return answer.status == 200 and [record["id"] for record in answer.data] == [enrollment_id]

    await eventually(records)
