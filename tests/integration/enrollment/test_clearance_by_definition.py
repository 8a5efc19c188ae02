"""Clearance is the definition, for random people, requirements, completions and days."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.enrollment.clearance import last_moment
from tests.support.clearance_definition import Last, lacking, last_states
from tests.support.clearances import asked, clearance, required, roster
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.external_records import accepted, decided, known_course
from tests.support.lifecycle import changed
from tests.support.stack import Stack
from tests.support.world import BEGUN, COURSES, EMPLOYEES, REQUIREMENTS, SETTINGS, enroll, new_employee, new_session

SYDNEY = "Australia/Sydney"
LABELS = [{"id": 5, "name": "First aid"}, {"id": 6, "name": "Heights"}]
COMPANIES = [None, {"id": 7, "name": "ABC"}, {"id": 8, "name": "XYZ"}]
PROJECTS = [None, 31, 32]
DAYS = [None, 1, 5, 9, 40, 400]
"""From today on."""
AROUND = [-3, 2, 6, 30, 300]


def days_from_now(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def day_from_now(days: int) -> date:
    return (datetime.now(ZoneInfo(SYDNEY)) + timedelta(days=days)).date()


class Site:
    """An organisation in which anything happens."""

    def __init__(self, admin: Client, judge: Client, seed: int) -> None:
        self.admin, self.judge, self.chance = admin, judge, random.Random(seed)
        self.courses: list[int] = []
        self.people: list[int] = []

    async def happen(self) -> None:
        assert (await self.admin.put(SETTINGS, {"time_zone": SYDNEY})).status == 200
        carried = [*([each] for each in LABELS), *(self.some(LABELS) for _ in range(3))]
        self.courses = [await known_course(self.admin, labels=each) for each in carried]
        self.people = [await new_employee(self.admin, company=self.chance.choice(COMPANIES)) for _ in range(5)]
        for _ in range(16):
            await self.complete()
        requirements = [await self.require() for _ in range(7)]
        assert (await self.admin.delete(f"{REQUIREMENTS}/{requirements[0]}")).status == 200
        assert (await self.admin.patch(f"{REQUIREMENTS}/{requirements[1]}", {"grace_days": 5})).status == 200
        await self.move()

    async def complete(self) -> None:
        """Elsewhere or here; some of it is taken back."""
        person, course = self.chance.choice(self.people), self.chance.choice(self.courses)
        if self.chance.random() < 0.2:
            [done] = await enroll(self.admin, await new_session(self.admin, course, **BEGUN), person)
            await changed(self.admin, done, "complete", {})
            if self.chance.random() < 0.5:
                await changed(self.admin, done, "reopen", {"reason": "A mistake"})
            return
        end = {"valid_until": days_from_now(self.chance.choice(AROUND))} if self.chance.random() < 0.8 else {}
        completed_at = days_from_now(-self.chance.randrange(5, 40))
        record = await accepted(self.admin, self.judge, person, course_id=course, completed_at=completed_at, **end)
        if self.chance.random() < 0.2:
            await decided(self.judge, record, "reject")

    async def require(self) -> int:
        choices = [{"course_id": each} for each in self.courses] + [{"label_id": each["id"]} for each in LABELS]
        needs = self.chance.sample(choices, self.chance.choice([1, 1, 2]))
        fields: dict[str, Any] = {"applies_to": self.audience()}
        if self.chance.random() < 0.4:
            fields["grace_days"] = self.chance.choice([1, 5, 30])
        if self.chance.random() < 0.4:
            fields["from"] = f"{day_from_now(self.chance.choice([-20, 0, 5, 9]))}"
        if self.chance.random() < 0.3:
            fields["until"] = f"{day_from_now(self.chance.choice([9, 10, 40]))}"
        return await required(self.admin, needs[0] if len(needs) == 1 else {"any_of": needs}, **fields)

    def audience(self) -> dict[str, Any]:
        lists: dict[str, list[Any]] = {
            "project_ids": [31, 32],
            "company_ids": [7, 8],
            "person_types": ["employee", "staff"],
            "employee_ids": self.people,
        }
        chosen = {name: self.some(every) for name, every in lists.items() if self.chance.random() < 0.45}
        return {name: each for name, each in chosen.items() if each} or {"all": True}

    def some(self, every: list[Any]) -> list[Any]:
        return self.chance.sample(every, self.chance.randrange(len(every) + 1))

    async def move(self) -> None:
        """A course carries other labels, and somebody moves to another company."""
        labels = self.some(LABELS)
        assert (await self.admin.patch(f"{COURSES}/{self.courses[0]}", {"labels": labels})).status == 200
        fields = {"employee_id": "E-1", "full_name": "Moved", "company": self.chance.choice(COMPANIES)}
        assert (await self.admin.put(f"{EMPLOYEES}/{self.people[0]}", fields)).status == 200


async def answers(client: Client, people: list[int], query: dict[str, Any]) -> list[dict[int, set[int]]]:
    """Of each way to ask, what each person lacks."""
    alone = {person: _lacks(await clearance(client, person, **query), "requirements") for person in people}
    many = {each["employee_id"]: _lacks(each, "missing") for each in await asked(client, people, **query)}
    listed = {each["employee"]["id"]: _lacks(each, "missing") for each in await roster(client, **query)}
    return [alone, many, listed]


def _lacks(item: dict[str, Any], member: str) -> set[int]:
    found = {each["requirement"]["id"] for each in item[member] if each["status"] == "lacking"}
    assert item["cleared"] is not bool(found)
    return found


def expected(last: Last, people: list[int], query: dict[str, Any]) -> dict[int, set[int]]:
    zone = ZoneInfo(SYDNEY)
    moment = last_moment(date.fromisoformat(query["on"]), zone) if "on" in query else datetime.now(UTC)
    return {person: lacking(last, person, query.get("project_id"), moment, zone) for person in people}


def questions() -> list[dict[str, Any]]:
    places = [{} if project is None else {"project_id": project} for project in PROJECTS]
    days = [{} if day is None else {"on": f"{day_from_now(day)}"} for day in DAYS]
    return [{**place, **day} for place in places for day in days]


@pytest.mark.parametrize("seed", [0, 1, 3])
async def test_clearance_is_the_definition(stack: Stack, admin: Client, organisation: int, seed: int) -> None:
    site = Site(admin, stack.client(organisation, sub="judge-1", name="Judy Judge"), seed)
    await site.happen()
    last = await last_states(stack, organisation)
    await eventually(lambda: _settled(admin, last, site.people))
    seen = set[bool]()
    for query in questions():
        wanted = expected(last, site.people, query)
        assert await answers(admin, site.people, query) == [wanted] * 3, query
        seen |= {bool(each) for each in wanted.values()}
    assert seen == {True, False}


async def _settled(client: Client, last: Last, people: list[int]) -> bool:
    """Whether enrollment has the labels of the catalog's courses by now."""
    many = {each["employee_id"]: _lacks(each, "missing") for each in await asked(client, people)}
    return many == expected(last, people, {})


async def test_control_the_definition_notices_a_completion_that_is_left_out(
    stack: Stack, admin: Client, organisation: int
) -> None:
    course, person = await known_course(admin), await new_employee(admin)
    await required(admin, {"course_id": course})
    judge = stack.client(organisation, sub="judge-1", name="Judy Judge")
    await accepted(admin, judge, person, course_id=course)
    last = await last_states(stack, organisation)
    assert expected(last, [person], {}) == (await answers(admin, [person], {}))[0] == {person: set()}
    without = {**last, "record": {}}
    assert expected(without, [person], {}) != (await answers(admin, [person], {}))[0]
