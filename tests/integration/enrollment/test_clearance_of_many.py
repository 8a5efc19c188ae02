"""Who of many is cleared: a gate's list, the roster, its walks and exports, and who sees whom."""

from typing import Any

import pytest

from services.enrollment.use_cases import clearance as use_case
from shared.http.accept import CSV_TYPE, NDJSON_TYPE
from tests.support.clearances import CLEARANCE, asked, required, roster, trained
from tests.support.client import Client, new_organisation
from tests.support.erasing import erase
from tests.support.external_records import known_course
from tests.support.stack import Stack
from tests.support.world import (
    EMPLOYEES,
    STAFF,
    new_employee,
    new_employees,
)


async def test_many_are_answered_in_their_order_whoever_they_are(
    stack: Stack, admin: Client, organisation: int
) -> None:
    there, removed, merged, erased = await new_employees(admin, 4)
    stranger = await new_employee(stack.client(new_organisation()))
    assert (await admin.delete(f"{EMPLOYEES}/{removed}")).status == 200
    answer = await admin.request("POST", f"{EMPLOYEES}/{merged}/merge", json={"into": there}, headers={"If-Match": "*"})
    assert answer.status == 200, answer.text
    assert (await erase(admin, erased)).status == 200
    order = [2**60, merged, there, erased, removed, stranger]
    results = await asked(admin, order)
    assert [each["employee_id"] for each in results] == order
    assert [each["cleared"] for each in results] == [False, False, True, False, False, False]
    message = "Worker not found or not in your organisation"
    nobody = {"code": "not_found", "message": message}
    assert results[0] == {"employee_id": 2**60, "cleared": False, "error": nobody}
    assert results[1]["error"] == {**nobody, "merged_into": there}
    for person in order:
        alone = await admin.get(f"{EMPLOYEES}/{person}/clearance")
        assert alone.status == (200 if person == there else 404)
        assert alone.json.get("merged_into") == (there if person == merged else None)
    assert (await admin.get(f"{STAFF}/{there}/clearance")).status == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"employee_ids": []}, "employee_ids"),
        ({"employee_ids": list(range(1, 502))}, "employee_ids"),
        ({"employee_ids": [1, 1]}, "employee_ids"),
        ({"employee_ids": [0]}, "employee_ids.0"),
        ({"employee_ids": [1], "on": "tomorrow"}, "on"),
        ({"employee_ids": [1], "project_id": "1"}, "project_id"),
        ({"employee_ids": [1], "company_id": 1}, "company_id"),
        ({}, "employee_ids"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(admin: Client, body: dict[str, Any], field: str) -> None:
    answer = await admin.post(CLEARANCE, body)
    assert (answer.status, list(answer.json["errors"])) == (422, [field])


async def crew(client: Client, count: int) -> tuple[list[int], set[int]]:
    """People of two companies, every third of whom is cleared, and who."""
    course = await known_course(client)
    await required(client, {"course_id": course})
    people = [await new_employee(client, company={"id": 1 + place % 2, "name": "C"}) for place in range(count)]
    cleared = sorted(people)[::3]
    for person in cleared:
        await trained(client, course, person)
    return sorted(people), set(cleared)


async def test_the_roster_is_of_all_people_in_pages(admin: Client) -> None:
    people, cleared = await crew(admin, 7)
    answer = await admin.get(CLEARANCE, per_page=5, page=2)
    assert [each["employee"]["id"] for each in answer.data] == people[5:]
    assert [each["cleared"] for each in answer.data] == [each in cleared for each in people[5:]]
    assert answer.json["meta"]["total"] == 7
    of_company = [each["employee"]["id"] for each in await roster(admin, company_id=1, per_page=2)]
    counted = await admin.get(CLEARANCE, company_id=1)
    assert counted.json["meta"]["total"] == len(of_company) == 4
    assert of_company == [each["employee"]["id"] for each in counted.data]
    assert {each["employee"]["company"]["id"] for each in counted.data} == {1}
    assert (await admin.get(CLEARANCE, company_id=9)).data == []


@pytest.mark.parametrize(("at_once", "looked_at"), [(500, 2000), (2, 4), (3, 3), (100, 100)])
async def test_a_walk_finds_those_who_are_cleared_or_are_not(
    admin: Client, monkeypatch: pytest.MonkeyPatch, at_once: int, looked_at: int
) -> None:
    monkeypatch.setattr(use_case, "_AT_ONCE", at_once)
    monkeypatch.setattr(use_case, "LOOKED_AT", looked_at)
    people, cleared = await crew(admin, 8)
    for sought, expected in (("true", cleared), ("false", set(people) - cleared)):
        for per_page in (1, 2, 100):
            found = await roster(admin, cleared=sought, per_page=per_page)
            assert [each["employee"]["id"] for each in found] == sorted(expected)
    assert await roster(admin, cleared="true", company_id=9) == []
    for query in ({}, {"page": 1}, {"cursor": "", "total": "true"}):
        answer = await admin.get(CLEARANCE, cleared="true", **query)
        assert (answer.status, list(answer.json["errors"])) == (422, ["cleared"])


async def test_it_is_exported(admin: Client) -> None:
    people, cleared = await crew(admin, 4)
    for query, expected in (({}, set(people)), ({"cleared": "false"}, set(people) - cleared)):
        lines = await admin.request("GET", CLEARANCE, params=query, headers={"Accept": NDJSON_TYPE})
        csv = await admin.request("GET", CLEARANCE, params=query, headers={"Accept": CSV_TYPE})
        assert (lines.status, csv.status) == (200, 200)
        assert len(lines.text.strip().splitlines()) == len(expected)
        head, *rows = csv.text.strip().splitlines()
        assert head.removeprefix("\ufeff").split(",")[:2] == ["employee.id", "employee.type"]
        assert {int(row.partition(",")[0]) for row in rows} == expected


async def test_one_sees_whom_one_may_see(stack: Stack, admin: Client, organisation: int) -> None:
    mine, others, own = [await new_employee(admin, company={"id": each, "name": "C"}) for each in (7, 8, 9)]

    def caller(*permissions: str, **claims: Any) -> Client:
        return stack.client(organisation, permissions=["api.access", *permissions], **claims)

    coordinator = caller("training.view.company", company_ids=[7])
    worker = caller("training.view.self", employee_id=own)
    nobody = caller("training.view.company", company_ids=[])
    for client, seen in ((coordinator, {mine}), (worker, {own}), (nobody, set())):
        for person in (mine, others, own):
            answer = await client.get(f"{EMPLOYEES}/{person}/clearance")
            assert (answer.status == 200) is (person in seen)
    results = await asked(coordinator, [mine, others, own])
    assert ["error" not in each for each in results] == [True, False, False]
    assert [each["employee"]["id"] for each in await roster(coordinator)] == [mine]
    counted = await coordinator.get(CLEARANCE)
    assert (counted.json["meta"]["total"], len(counted.data)) == (1, 1)
    assert await roster(coordinator, company_id=8) == await roster(nobody) == []
    assert (await worker.get(CLEARANCE)).status == 403
    assert (await worker.post(CLEARANCE, {"employee_ids": [own]})).status == 403


async def test_what_was_merged_learns_nobody_who_may_not_see_everybody(
    stack: Stack, admin: Client, organisation: int
) -> None:
    into, merged = await new_employees(admin, 2)
    await admin.request("POST", f"{EMPLOYEES}/{merged}/merge", json={"into": into}, headers={"If-Match": "*"})
    permissions = ["api.access", "training.view.company"]
    coordinator = stack.client(organisation, permissions=permissions, company_ids=[7])
    [result] = await asked(coordinator, [merged])
    assert "merged_into" not in result["error"]
    assert "merged_into" not in (await coordinator.get(f"{EMPLOYEES}/{merged}/clearance")).json
