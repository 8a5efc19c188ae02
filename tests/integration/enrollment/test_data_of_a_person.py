"""All that is known of one person, in one document."""

import json
from typing import Any

import pytest

from services.enrollment.store import one_person
from shared.auth.internal_token import MANAGE, VIEW, VIEW_SELF
from tests.support.clearances import days_from_now, required, trained
from tests.support.client import Client, new_organisation
from tests.support.erasing import NAME, erase, somebody_trained
from tests.support.eventually import eventually
from tests.support.external_records import accepted, known_course
from tests.support.lifecycle import changed, ends_at
from tests.support.stack import Stack
from tests.support.world import (
    CALENDARS,
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


async def data_of(client: Client, person: int, path: str = EMPLOYEES) -> dict[str, Any]:
    answer = await client.get(f"{path}/{person}/data")
    assert answer.status == 200, answer.text
    return dict(answer.data)


async def test_everything_is_there(stack: Stack, admin: Client, organisation: int) -> None:
    course = await known_course(admin, title="Forklifts")
    person = await somebody_trained(admin, await new_session(admin, course))
    record = await accepted(admin, stack.client(organisation), person, course_id=course)
    await admin.post(CALENDARS, {"kind": "person", "id": person})
    await new_employees(admin, 2)
    data = await data_of(admin, person)
    [known] = data["people"]
    assert (known["id"], known["full_name"], known["company"]["name"]) == (person, NAME, "Zeal Ltd")
    [enrollment] = data["enrollments"]
    assert (enrollment["feedback"], enrollment["course"]["title"]) == (f"{NAME} was good", "Forklifts")
    assert len(data["records"]) == 3
    assert [each["of"] for each in data["certifications"]] in ([record], [enrollment["id"]])
    assert [each["of"]["id"] for each in data["calendars"]] == [person]
    told = {(each["kind"], each["action"]) for each in data["changes"]}
    assert told == {
        ("person", "employee.saved"),
        ("enrollment", "enrollment.created"),
        ("enrollment", "enrollment.completed"),
        ("record", "record.submitted"),
        ("record", "record.accepted"),
    }
    assert {each["where"] for each in data["held_elsewhere"]} >= {"history", "catalog", "delivery", "accounts"}


async def test_how_somebody_stands_is_there(stack: Stack, admin: Client) -> None:
    course, other = await known_course(admin), await known_course(admin)
    person = await new_employee(admin)
    lacking = await required(admin, {"course_id": other}, name="Heights")
    grace = await required(admin, {"course_id": other}, name="Induction", grace_days=10)
    met = await required(admin, {"course_id": course}, name="White card")
    enrollment = await trained(admin, course, person)
    end = days_from_now(20)
    await ends_at(stack, enrollment, end)

    async def clearances() -> Any:
        found = (await data_of(admin, person))["clearances"]
        assert [each for each in found if each["ending"]], found
        return found

    [found] = await eventually(clearances)
    assert found.pop("version") in (1, 3)  # they may have lacked the white card first, as somebody saw
    assert found == {
        "employee_id": person,
        "lacking": [{"id": lacking, "name": "Heights"}],
        "in_grace": [{"id": grace, "name": "Induction"}],
        "ending": [{"requirement": {"id": met, "name": "White card"}, "ends_at": f"{end:%Y-%m-%dT%H:%M:%S.%fZ}"}],
    }
    assert (await erase(admin, person)).status == 200

    async def nothing() -> bool:
        [found] = (await data_of(admin, person))["clearances"]
        return not (found["lacking"] or found["in_grace"] or found["ending"])

    await eventually(nothing)


async def test_it_is_a_file(admin: Client) -> None:
    person = await new_staff(admin)
    answer = await admin.get(f"{STAFF}/{person}/data")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="staff-{person}-data-20')
    assert answer.data["people"][0]["type"] == "staff"


async def test_whoever_was_merged_into_them_is_there_too(admin: Client) -> None:
    one, other = await new_employee(admin, full_name="Maiden Name"), await new_employee(admin)
    merged = await admin.request("POST", f"{EMPLOYEES}/{one}/merge", json={"into": other}, headers={"If-Match": "*"})
    assert merged.status == 200
    data = await data_of(admin, other)
    assert {each["id"] for each in data["people"]} == {one, other}
    assert "employee.merged" in {each["action"] for each in data["changes"]}
    refused = await admin.get(f"{EMPLOYEES}/{one}/data")
    assert (refused.status, refused.json["merged_into"]) == (404, other)


async def test_many_rows_are_read_in_steps(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    course = await new_course(admin)
    person = await new_employee(admin)
    ids = []
    for _ in range(5):
        [enrollment] = await enroll(admin, await new_session(admin, course), person)
        await changed(admin, enrollment, "cancel")
        ids.append(enrollment)
    monkeypatch.setattr(one_person, "ROWS", 2)
    data = await data_of(admin, person)
    assert [each["id"] for each in data["enrollments"]] == ids
    of_enrollments = [(each["id"], each["version"]) for each in data["changes"] if each["kind"] == "enrollment"]
    assert of_enrollments == [(each, version) for each in ids for version in (1, 2)]


async def test_of_the_erased_and_the_removed_what_is_left(admin: Client) -> None:
    person = await somebody_trained(admin, await new_session(admin, await new_course(admin)))
    assert (await admin.delete(f"{EMPLOYEES}/{person}")).status == 200
    assert (await data_of(admin, person))["people"][0]["full_name"] == NAME
    assert (await erase(admin, person)).status == 200
    data = await data_of(admin, person)
    assert "Zebulon" not in json.dumps(data)
    assert data["people"][0]["erased_at"] is not None
    assert len(data["enrollments"]) == 1


async def test_own_data_or_everybodys(stack: Stack, admin: Client, organisation: int) -> None:
    person, other = await new_employees(admin, 2)
    themselves = stack.client(organisation, permissions=["api.access", VIEW_SELF], employee_id=person)
    assert (await data_of(themselves, person))["id"] == person
    assert (await themselves.get(f"{EMPLOYEES}/{other}/data")).status == 404
    manager = stack.client(organisation, permissions=["api.access", MANAGE])
    assert (await data_of(manager, other))["id"] == other
    viewer = stack.client(organisation, permissions=["api.access", VIEW], employee_id=person)
    assert (await viewer.get(f"{EMPLOYEES}/{person}/data")).status == 403
    stranger = stack.client(new_organisation())
    assert (await stranger.get(f"{EMPLOYEES}/{person}/data")).status == 404


async def test_others_are_not_in_it(admin: Client) -> None:
    session = await new_session(admin, await new_course(admin))
    one, other = await new_employee(admin, full_name="Only Me"), await new_employee(admin, full_name="Somebody Else")
    await enroll(admin, session, one, other)
    text = json.dumps(await data_of(admin, one))
    assert "Only Me" in text
    assert "Somebody Else" not in text
    assert (await admin.get(ENROLLMENTS, session_id=session)).json["meta"]["total"] == 2
