"""Histories as of a moment: what they answered then, whatever has happened since (contract, section 5)."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from services.enrollment.store import known_then
from shared.postgres.pool import connection_pool, transaction
from tests.support.caught_up import history_has_caught_up
from tests.support.client import Answer, Client
from tests.support.external_records import decide, submitted
from tests.support.history_client import history_of
from tests.support.lifecycle import change
from tests.support.past_completions import imported_completions
from tests.support.stack import Stack
from tests.support.world import (
    BEGUN,
    COURSES,
    EMPLOYEES,
    SESSIONS,
    ask_to_enroll,
    new_course,
    new_employee,
    new_session,
)

STEPS = 40
_CERTIFYING = """
SELECT false AS is_record, id, employee_id, course_id, completed_at, valid_until FROM enrollments
WHERE organisation_id = $1 AND certifies
UNION ALL
SELECT true, id, employee_id, course_id, completed_at, valid_until FROM external_records
WHERE organisation_id = $1 AND certifies
ORDER BY employee_id, course_id, id
"""
_FILTERS: list[dict[str, Any]] = [
    {"status": "completed"},
    {"status": "upcoming"},
    {"type": "online"},
    {"label_id": 1},
    {"project_id": 1},
    {"company_id": 1},
    {"date_from": "2026-01-01", "date_to": "2031-01-01"},
    {"cursor": "", "per_page": 2, "total": "true"},
]


@dataclass
class Answered:
    """What was answered at a moment, without a filter and with one, and which completions certified."""

    moment: str
    answers: list[tuple[dict[str, Any], Answer]]
    completions: list[tuple[Any, ...]]


@dataclass
class World:
    """Two people, and what happens to them at random: whatever is refused does not happen."""

    stack: Stack
    admin: Client
    organisation: int
    choose: random.Random
    person: int = 0
    other: int = 0
    courses: list[int] = field(default_factory=list)
    sessions: list[int] = field(default_factory=list)
    enrollments: list[int] = field(default_factory=list)
    records: list[int] = field(default_factory=list)

    async def begin(self) -> None:
        self.person, self.other = [await new_employee(self.admin) for _ in range(2)]
        modes = ("in_person", "self_paced", "online")
        self.courses = [
            await new_course(self.admin, delivery_mode=mode, validity_months=12, pass_score=50) for mode in modes
        ]
        self.sessions = [
            await new_session(self.admin, course, **times) for course in self.courses for times in (BEGUN, BEGUN, {})
        ]

    async def step(self) -> None:
        steps: list[Callable[[], Awaitable[Any]]] = [
            self.enroll,
            self.enroll,
            self.complete,
            self.complete,
            self.other_change,
            self.other_change,
            self.submit,
            self.decide,
            self.decide,
            self.import_completion,
            self.course,
            self.session,
            self.person_changes,
        ]
        await self.choose.choice(steps)()

    async def enroll(self) -> None:
        person = self.choose.choice([self.person, self.person, self.other])
        answer = await ask_to_enroll(self.admin, self.choose.choice(self.sessions), person)
        if answer.status == 201:
            self.enrollments += [each["id"] for each in answer.data["enrollments"]]

    async def complete(self) -> None:
        score = self.choose.choice([20, 80, 90, None])
        await self.on_enrollment("complete", {} if score is None else {"score": score})

    async def other_change(self) -> None:
        reason = {"reason": "A mistake"}
        changes: list[tuple[str, dict[str, Any]]] = [
            ("reopen", reason),
            ("reopen", reason),
            ("absent", {}),
            ("cancel", {}),
            ("check-in", {"method": "manual"}),
            ("transfer", {"session_id": self.choose.choice(self.sessions)}),
        ]
        what, body = self.choose.choice(changes)
        await self.on_enrollment(what, body)

    async def on_enrollment(self, what: str, body: dict[str, Any]) -> None:
        if self.enrollments:
            await change(self.admin, self.choose.choice(self.enrollments[-4:]), what, body)

    async def submit(self) -> None:
        of_course = {"course_id": self.choose.choice(self.courses), "valid_until": "2040-01-01T00:00:00Z"}
        fields: dict[str, Any] = self.choose.choice([{}, of_course])
        self.records.append(await submitted(self.admin, self.person, **fields))

    async def decide(self) -> None:
        if self.records:
            judge = self.stack.client(self.organisation, sub="somebody-else", name="Somebody Else")
            await decide(
                judge, self.choose.choice(self.records[-3:]), self.choose.choice(["accept", "accept", "reject"])
            )

    async def import_completion(self) -> None:
        key, course = self.choose.choice("AB"), self.choose.choice(self.courses)
        line = (
            key,
            self.choose.choice([self.person, self.other]),
            course,
            f"2016-03-0{self.choose.randint(1, 9)}T08:00:00Z",
        )
        await imported_completions(self.admin, line)

    async def course(self) -> None:
        labels = [{"id": each, "name": f"Label {self.choose.randint(1, 9)}"} for each in (1, 2)]
        fields = self.choose.choice(
            [{"title": f"Title {self.choose.randint(1, 99)}"}, {"labels": labels}, {"labels": []}]
        )
        await self.admin.patch(f"{COURSES}/{self.choose.choice(self.courses)}", fields)

    async def session(self) -> None:
        fields = self.choose.choice(
            [
                {"session_name": f"Name {self.choose.randint(1, 99)}"},
                {"location": f"Room {self.choose.randint(1, 99)}"},
                {"projects": [{"id": self.choose.randint(1, 2), "name": "Metro"}]},
                {"start_date": f"2029-0{self.choose.randint(1, 9)}-01T09:00:00Z"},
            ]
        )
        await self.admin.patch(f"{SESSIONS}/{self.choose.choice(self.sessions)}", fields)

    async def person_changes(self) -> None:
        company = self.choose.choice([None, {"id": 1, "name": "ABC"}, {"id": 2, "name": "Zeal"}])
        body = {
            "employee_id": f"E-{self.person}",
            "full_name": f"Name {self.choose.randint(1, 99)}",
            "company": company,
        }
        await self.admin.put(f"{EMPLOYEES}/{self.person}", body)

    async def merge(self) -> None:
        path = f"{EMPLOYEES}/{self.other}/merge"
        answer = await self.admin.request("POST", path, json={"into": self.person}, headers={"If-Match": "*"})
        assert answer.status == 200, answer.text

    async def ask(self, query: dict[str, Any]) -> Answer:
        return await self.admin.get(history_of(EMPLOYEES, self.person), **query)

    async def look(self) -> Answered:
        """Once history has caught up: what it answers, and what certifies."""
        await history_has_caught_up(self.stack, self.organisation)
        queries = [{}, self.choose.choice(_FILTERS)]
        answers = [(query, await self.ask(query)) for query in queries]
        assert [answer.status for _, answer in answers] == [200, 200]
        return Answered(datetime.now(UTC).isoformat(), answers, await self.certifying())

    async def certifying(self) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self.stack.enrollment_database_url, timeout=10)
        try:
            return [tuple(row) for row in await connection.fetch(_CERTIFYING, self.organisation)]
        finally:
            await connection.close()

    async def certified(self, moment: str, *people: int) -> list[tuple[Any, ...]]:
        url = self.stack.settings["enrollment"].database_url.get_secret_value()
        async with (
            connection_pool(url, name="test", size=1) as pool,
            transaction(pool, [self.organisation]) as connection,
        ):
            known = await known_then.completions_known(
                connection, self.organisation, people, datetime.fromisoformat(moment)
            )
        return [
            (each.is_record, each.id, each.employee_id, each.course_id, each.completed_at, each.valid_until)
            for each in known
        ]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_history_as_of_a_moment_is_what_it_answered_then(
    stack: Stack, admin: Client, organisation: int, seed: int
) -> None:
    world = World(stack, admin, organisation, random.Random(seed))
    await world.begin()
    answered = [await world.look()]
    for step in range(STEPS):
        await (world.merge() if step == STEPS * 2 // 3 else world.step())
        answered.append(await world.look())
    for each in answered:
        for query, answer in each.answers:
            again = await world.ask({**query, "as_of": each.moment})
            assert again.status == 200, again.text
            assert again.data == answer.data, (each.moment, query)
            assert again.json["meta"].get("total") == answer.json["meta"].get("total")
        mine = [completion for completion in each.completions if completion[2] == world.person]
        assert await world.certified(each.moment, world.person) == mine
    assert len({each.answers[0][1].text for each in answered}) > STEPS / 4
    assert len({str(each.completions) for each in answered}) > 2
