"""Compliance: who holds a valid completion of a course or label, who loses it soon, and who lacks it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.enrollment.store import compliance
from tests.support.client import Client, new_organisation
from tests.support.eventually import eventually
from tests.support.lifecycle import changed, ends_at
from tests.support.stack import Stack
from tests.support.world import (
    BEGUN,
    COURSES,
    EMPLOYEES,
    SESSIONS,
    enroll,
    new_course,
    new_employee,
    new_employees,
    new_session,
    new_staff,
)

COMPLIANCE = "/api/v1/training/compliance"
LABEL = {"id": 5, "name": "Plant Operations"}
METRO = {"id": 31, "name": "Sydney Metro West"}
COMPANY_IDS = [None, 7, 8]


async def completed(client: Client, session_id: int, *employee_ids: int) -> list[int]:
    enrollments = await enroll(client, session_id, *employee_ids)
    for enrollment_id in enrollments:
        await changed(client, enrollment_id, "complete", {})
    return enrollments


async def found(client: Client, **query: Any) -> dict[int, str]:
    """Everyone's status, by person."""
    answer = await client.get(COMPLIANCE, per_page=100, **query)
    assert answer.status == 200, answer.text
    assert answer.json["meta"]["total"] == len(answer.data)
    return {item["employee"]["id"]: item["status"] for item in answer.data}


async def knows_label(client: Client, person: int) -> None:
    """Returns once the course's event has brought the label to enrollment, as somebody who holds it shows."""

    async def known() -> bool:
        if (await client.get(COMPLIANCE, label_id=LABEL["id"])).status == 422:
            return False
        return (await found(client, label_id=LABEL["id"]))[person] != "missing"

    await eventually(known)


@dataclass(frozen=True)
class Person:
    """`days`: until the end of their completion of each of two courses; `None` for no completion."""

    id: int
    company_id: int | None
    in_project: bool
    days: tuple[int | None, int | None]

    def status(self, courses: tuple[int, ...], within_days: int) -> str:
        """What the contract would say of them."""
        best = max((self.days[course] or 0 for course in courses), default=0)
        return "missing" if best <= 0 else "expiring" if best <= within_days else "valid"


ENDS: list[tuple[int | None, int | None]] = [
    (None, None),
    (90, None),
    (10, None),
    (-10, None),
    (None, 90),
    (10, 90),
    (-10, 90),
    (-10, 10),
    (10, -10),
    (40, 20),
    (-10, -10),
    (90, 90),
]


@dataclass(frozen=True)
class Workforce:
    courses: tuple[int, int]
    people: list[Person]

    def expected(
        self, courses: tuple[int, ...], *, within_days: int, company_id: int | None, project: bool, status: str | None
    ) -> dict[int, str]:
        asked = (
            person
            for person in self.people
            if company_id in (None, person.company_id) and (person.in_project or not project)
        )
        all_of_them = {person.id: person.status(courses, within_days) for person in asked}
        return {person: found for person, found in all_of_them.items() if status in (None, found)}


def company(company_id: int | None) -> dict[str, Any] | None:
    return None if company_id is None else {"id": company_id, "name": f"Company {company_id}"}


async def new_workforce(stack: Stack, client: Client) -> Workforce:
    """Two courses under one label; a person for each line of `ENDS`, of several companies, some in the project."""
    first, second = [await new_course(client, validity_months=12, labels=[LABEL]) for _ in range(2)]
    sessions = [await new_session(client, course_id, **BEGUN) for course_id in (first, second)]
    in_metro = await new_session(client, await new_course(client), projects=[METRO])
    people = []
    for number, days in enumerate(ENDS):
        company_id = COMPANY_IDS[number % 3]
        person_id = await new_employee(client, company=company(company_id))
        person = Person(person_id, company_id, number % 2 == 0, days)
        people.append(person)
        for session_id, until_end in zip(sessions, days, strict=True):
            if until_end is not None:
                [done] = await completed(client, session_id, person.id)
                await ends_at(stack, done, datetime.now(UTC) + timedelta(days=until_end, hours=-1))
        if person.in_project:
            await enroll(client, in_metro, person.id)
    await knows_label(client, people[4].id)
    return Workforce((first, second), people)


def questions() -> Iterator[dict[str, Any]]:
    for status in (None, "valid", "expiring", "missing"):
        for within_days in (0, 15, 30):
            for company_id in (None, 7, 9):
                for project in (False, True):
                    yield {"status": status, "within_days": within_days, "company_id": company_id, "project": project}


@pytest.mark.parametrize("few", [compliance.FEW, 0], ids=["few are sought", "many are sought"])
async def test_every_combination_of_filters_finds_whom_it_should(
    stack: Stack, admin: Client, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(compliance, "FEW", few)
    workforce = await new_workforce(stack, admin)
    first, second = workforce.courses
    subjects = [({"course_id": first}, (0,)), ({"course_id": second}, (1,)), ({"label_id": 5}, (0, 1))]
    for subject, courses in subjects:
        for question in questions():
            asked = {name: value for name, value in question.items() if value is not None and name != "project"}
            asked |= {"project_id": METRO["id"]} if question["project"] else {}
            assert await found(admin, **subject, **asked) == workforce.expected(courses, **question), (
                subject,
                question,
            )


@pytest.mark.parametrize("status", [None, "missing", "valid"])
async def test_pages_hold_everyone_once_in_the_order_of_their_ids(
    stack: Stack, admin: Client, status: str | None
) -> None:
    workforce = await new_workforce(stack, admin)
    query: dict[str, Any] = {"course_id": workforce.courses[0], **({} if status is None else {"status": status})}
    expected = sorted(await found(admin, **query))
    paged = []
    for page in range(1, len(expected) // 2 + 3):
        answer = await admin.get(COMPLIANCE, **query, per_page=2, page=page)
        assert answer.json["meta"]["total"] == len(expected)
        paged += [item["employee"]["id"] for item in answer.data]
    assert paged == expected


async def test_a_walk_finds_everyone_once_whether_they_are_near_or_far(
    stack: Stack, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    workforce = await new_workforce(stack, admin)
    for status in ({}, {"status": "missing"}, {"status": "valid"}, {"status": "expiring"}):
        query = {"course_id": workforce.courses[0], **status}
        expected = sorted(await found(admin, **query))
        for few in (compliance.FEW, 3, 0):
            with monkeypatch.context() as patched:
                patched.setattr(compliance, "FEW", few)
                assert await walked(admin, **query, per_page=3) == expected


async def walked(client: Client, **query: Any) -> list[int]:
    ids: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await client.get(COMPLIANCE, **query, cursor=cursor)
        ids += [item["employee"]["id"] for item in answer.data]
        cursor = answer.json["meta"]["next_cursor"]
    return ids


async def test_a_line_tells_the_person_and_the_completion_that_counts(admin: Client) -> None:
    course_id = await new_course(admin)
    person = await new_employee(admin, employee_id="EMP-042", full_name="John Doe", company=company(7))
    [done] = await completed(admin, await new_session(admin, course_id), person)
    await new_staff(admin, employee_id="S-1", full_name="Ava Staff")
    lines = (await admin.get(COMPLIANCE, course_id=course_id)).data
    [line], [missing] = [[line for line in lines if line["status"] == status] for status in ("valid", "missing")]
    assert line["completed_at"] is not None
    assert line == {
        "employee": {
            "id": person,
            "type": "employee",
            "employee_id": "EMP-042",
            "full_name": "John Doe",
            "company": company(7),
        },
        "status": "valid",
        "course_id": course_id,
        "enrollment_id": done,
        "record_id": None,
        "completed_at": line["completed_at"],
        "valid_until": None,
    }
    assert (missing["employee"]["type"], missing["employee"]["company"]) == ("staff", None)
    assert {missing[name] for name in ("course_id", "enrollment_id", "completed_at", "valid_until")} == {None}


async def test_links_keep_the_filters(admin: Client) -> None:
    course_id = await new_course(admin)
    await completed(admin, await new_session(admin, course_id), *await new_employees(admin, 3))
    answer = await admin.get(COMPLIANCE, course_id=course_id, status="valid", within_days=5, per_page=2)
    following = answer.json["links"]["next"].partition("/api/")[2]
    second = await admin.get(f"/api/{following}")
    assert len(second.data) == 1
    assert all(part in following for part in ("status=valid", "within_days=5", f"course_id={course_id}"))


async def test_a_correction_to_failed_takes_the_completion_back_and_another_gives_it_again(admin: Client) -> None:
    course_id, person = await new_course(admin, pass_score=70), await new_employee(admin)
    [enrollment_id] = await enroll(admin, await new_session(admin, course_id), person)
    for score, status in ((80, "valid"), (60, "missing"), (70, "valid")):
        await changed(admin, enrollment_id, "complete", {"score": score})
        assert await found(admin, course_id=course_id) == {person: status}


async def test_who_was_removed_is_not_asked_after_and_comes_back_with_what_they_hold(admin: Client) -> None:
    course_id = await new_course(admin, validity_months=12)
    stays, leaves = await new_employees(admin, 2)
    await completed(admin, await new_session(admin, course_id), stays, leaves)
    await admin.delete(f"{EMPLOYEES}/{leaves}")
    for status in ({}, {"status": "valid"}):
        assert await found(admin, course_id=course_id, **status) == {stays: "valid"}
    assert await found(admin, course_id=course_id, status="missing") == {}
    await admin.put(f"{EMPLOYEES}/{leaves}", {"employee_id": "E-1", "full_name": "Back Again"})
    assert await found(admin, course_id=course_id, status="valid") == {stays: "valid", leaves: "valid"}


async def test_what_a_removed_person_completes_counts_once_they_are_back(admin: Client) -> None:
    course_id, person = await new_course(admin), await new_employee(admin)
    [enrollment_id] = await enroll(admin, await new_session(admin, course_id, **BEGUN), person)
    await admin.delete(f"{EMPLOYEES}/{person}")
    await changed(admin, enrollment_id, "complete")
    assert await found(admin, course_id=course_id) == {}
    await admin.put(f"{EMPLOYEES}/{person}", {"employee_id": "E-1", "full_name": "Back Again"})
    assert await found(admin, course_id=course_id) == {person: "valid"}


async def test_a_new_company_and_project_are_followed(admin: Client) -> None:
    course_id, person = await new_course(admin), await new_employee(admin)
    session_id = await new_session(admin, course_id)
    await enroll(admin, session_id, person)
    fields = {"employee_id": "E-1", "full_name": "John Doe", "company": company(7)}
    await admin.put(f"{EMPLOYEES}/{person}", fields)
    assert await found(admin, course_id=course_id, company_id=7) == {person: "missing"}
    assert await found(admin, course_id=course_id, project_id=METRO["id"]) == {}
    await admin.patch(f"{SESSIONS}/{session_id}", {"projects": [METRO]})

    async def is_in_the_project() -> bool:
        return await found(admin, course_id=course_id, project_id=METRO["id"]) == {person: "missing"}

    await eventually(is_in_the_project)


async def test_who_cancelled_is_in_no_project(admin: Client) -> None:
    course_id, person = await new_course(admin), await new_employee(admin)
    [enrollment_id] = await enroll(admin, await new_session(admin, course_id, projects=[METRO]), person)
    assert await found(admin, course_id=course_id, project_id=METRO["id"]) == {person: "missing"}
    await changed(admin, enrollment_id, "cancel")
    assert await found(admin, course_id=course_id, project_id=METRO["id"]) == {}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({}, "body"),
        ({"course_id": 1, "label_id": 1}, "body"),
        ({"course_id": 2**62}, "course_id"),
        ({"course_id": 0}, "course_id"),
        ({"label_id": "x"}, "label_id"),
        ({"label_id": 1, "status": "expired"}, "status"),
        ({"label_id": 1, "within_days": -1}, "within_days"),
        ({"label_id": 1, "within_days": 3661}, "within_days"),
        ({"label_id": 1, "company": 7}, "company"),
    ],
)
async def test_a_wrong_question_is_refused(admin: Client, query: dict[str, Any], named: str) -> None:
    answer = await admin.get(COMPLIANCE, **query)
    assert (answer.status, list(answer.json["errors"])) == (422, [named])


async def test_a_label_that_no_course_carries_cannot_be_asked_for(admin: Client) -> None:
    course_id = await new_course(admin, labels=[LABEL])
    await until_label(admin, 5, 200)
    assert (await admin.patch(f"{COURSES}/{course_id}", {"labels": [{"id": 6, "name": "Other"}]})).status == 200
    await until_label(admin, 5, 422)
    assert (await admin.request("DELETE", f"{COURSES}/{course_id}")).status == 200
    await until_label(admin, 6, 422)


async def until_label(client: Client, label_id: int, status: int) -> None:
    async def answered() -> bool:
        answer = await client.get(COMPLIANCE, label_id=label_id)
        if answer.status == 422:
            assert answer.json["errors"] == {"label_id": ["The selected label does not exist."]}
        return answer.status == status

    await eventually(answered)


async def test_another_organisations_course_and_people_are_not_seen(stack: Stack, admin: Client) -> None:
    course_id = await new_course(admin, labels=[LABEL])
    await completed(admin, await new_session(admin, course_id), await new_employee(admin))
    stranger = stack.client(new_organisation())
    await new_employee(stranger)
    assert (await stranger.get(COMPLIANCE, course_id=course_id)).status == 422
    assert (await stranger.get(COMPLIANCE, label_id=LABEL["id"])).status == 422


async def test_a_deleted_course_cannot_be_asked_for(admin: Client) -> None:
    course_id = await new_course(admin)

    async def status_becomes(status: int) -> bool:
        answer = await admin.get(COMPLIANCE, course_id=course_id)
        assert answer.status == status, answer.text
        return True

    await eventually(lambda: status_becomes(200))
    assert (await admin.delete(f"{COURSES}/{course_id}")).status == 200
    await eventually(lambda: status_becomes(422))


@pytest.mark.parametrize("validity_months", [None, 1200])
async def test_a_corrected_day_is_shown(admin: Client, validity_months: int | None) -> None:
    course = await new_course(admin, validity_months=validity_months)
    [enrollment] = await completed(admin, await new_session(admin, course, **BEGUN), await new_employee(admin))
    await changed(admin, enrollment, "complete", {"completed_at": "2021-03-04T05:06:07Z"})
    [item] = (await admin.get(COMPLIANCE, course_id=course)).data
    assert item["completed_at"] == "2021-03-04T05:06:07.000000Z"
