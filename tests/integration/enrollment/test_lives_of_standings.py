"""Whatever happens in whatever order, what is kept is what the rules say, and its events tell the same."""

import json
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from services.enrollment.errors import EmployeeLeft
from services.enrollment.schemas import EmployeeFields
from services.enrollment.store import catalog_replica
from services.enrollment.use_cases import lifecycle, people, standings
from services.enrollment.use_cases.standings import look_at_next
from shared.http.models import IdAndName
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support import events
from tests.support.enrollment_rows import ACTOR, ORGANISATION, enrollment_database, in_scope, new_people, warm_pool
from tests.support.standings import asks, completed, differences, lacking, look, passes, scoped

STEPS = 60
LABELS = (70, 71)
FOLLOWED = r"^(clearance\.|employee\.removed$)"


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with enrollment_database() as url, warm_pool(url, 3) as pool:
        yield pool


class Lives:
    """People to whom things happen, and requirements that come, change and go."""

    def __init__(self, pool: Pool, chance: random.Random, everybody: list[int]) -> None:
        self.pool, self.chance, self.everybody = pool, chance, everybody
        self.done: list[tuple[int, int]] = []  # courses with their enrollments
        self.version = 1

    async def is_asked(self) -> None:
        chance, today = self.chance, datetime.now(UTC).date()
        courses = [course for course, _ in self.done] or [1]
        limits = {
            "company_ids": chance.choice([None, None, None, [5, 6]]),
            "person_types": chance.choice([None, None, None, ["employee"], ["staff"]]),
            "employee_ids": chance.choice([None, None, None, chance.sample(self.everybody, 4)]),
            "grace_days": chance.choice([None, None, None, 3]),
            "valid_from": chance.choice([None, None, today - timedelta(days=2), today + timedelta(days=2)]),
            "valid_to": chance.choice([None, None, None, today + timedelta(days=5)]),
        }
        needs = {"label_ids": [chance.choice(LABELS)]} if chance.random() < 0.4 else {"course_ids": courses[:2]}
        await asks(self.pool, **limits, **needs)

    async def is_asked_otherwise(self) -> None:
        change = self.chance.choice(
            ["removed = true", "company_ids = '{6}'", "valid_to = '2020-01-01'", "grace_days = 4"]
        )
        await scoped(self.pool, f"UPDATE requirements SET {change} WHERE id % 5 = $1", self.chance.randrange(5))

    async def completes(self) -> None:
        [row] = await in_scope(
            self.pool,
            "SELECT id FROM people WHERE NOT removed ORDER BY md5(id::text || $1) LIMIT 1",
            str(self.chance.random()),
        )
        self.done.append(await completed(self.pool, row["id"]))

    async def reopens(self) -> None:
        if self.done:
            _, enrollment = self.done.pop(self.chance.randrange(len(self.done)))
            with suppress(EmployeeLeft):
                await lifecycle.reopen(self.pool, ORGANISATION, enrollment, "It was somebody else", ACTOR)

    async def ends(self) -> None:
        await passes(self.pool, self.chance.choice(self.everybody), days=self.chance.choice([-1, 20, 120]))

    async def changes(self) -> None:
        person, company = self.chance.choice(self.everybody), self.chance.choice([None, 5, 6])
        named = None if company is None else IdAndName(id=company, name="Northwind")
        fields = EmployeeFields(employee_id=f"E-{person}", full_name="John Doe", company=named)
        type_ = self.chance.choice(["employee", "staff"])
        await people.save_person(self.pool, ORGANISATION, type_, person, fields, ACTOR)

    async def leaves(self) -> None:
        rows = await in_scope(self.pool, "SELECT id, type FROM people WHERE NOT removed ORDER BY id")
        if len(rows) > 2:
            row = self.chance.choice(rows)
            await people.remove_person(self.pool, ORGANISATION, row["type"], row["id"], ACTOR)

    async def is_labelled(self) -> None:
        if self.done:
            course, _ = self.chance.choice(self.done)
            self.version += 1
            labels = [{"id": each, "name": "Heights"} for each in LABELS if self.chance.random() < 0.5]
            async with transaction(self.pool, EVERY_ORGANISATION) as connection:
                changed = events.course(ORGANISATION, course, version=self.version, labels=labels)
                await catalog_replica.save_courses(connection, [changed])

    async def is_looked_at(self) -> None:
        await look_at_next(self.pool, ORGANISATION)


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_kept_follows_from_what_happened(pool: Pool, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(standings, "BATCH", 3)
    chance = random.Random(seed)
    lives = Lives(pool, chance, await new_people(pool, 8))
    ways = [
        lives.is_asked,
        lives.is_asked_otherwise,
        lives.completes,
        lives.completes,
        lives.reopens,
        lives.ends,
        lives.changes,
        lives.leaves,
        lives.is_labelled,
        lives.is_looked_at,
        lives.is_looked_at,
    ]
    await lives.completes()
    await asks(pool, course_ids=[1])
    await look(pool)
    for _ in range(STEPS):
        await chance.choice(ways)()
    await look(pool)
    assert await differences(pool) == []
    await the_events_tell_it(pool)


async def the_events_tell_it(pool: Pool) -> None:
    """Of each person one event of each version, and what the last one says is what is kept; who leaves begins anew."""
    last: dict[int, tuple[int, list[int]]] = {}
    rows = await in_scope(pool, "SELECT routing_key, body FROM outbox WHERE routing_key ~ $1 ORDER BY id", FOLLOWED)
    for kind, state in [(row["routing_key"], json.loads(row["body"])["data"]) for row in rows]:
        before, _ = last.get(int(state["id"]), (0, []))
        if kind == "employee.removed":
            last[int(state["id"])] = before, []
            continue
        assert int(state["version"]) == before + 1
        assert (state["requirement"]["id"] in state["lacking"]) == (kind == "clearance.lost")
        last[int(state["id"])] = before + 1, state["lacking"]
    present = {row["id"] for row in await in_scope(pool, "SELECT id FROM people WHERE NOT removed")}
    kept = await lacking(pool)
    assert {person: kept.get(person, []) for person in present} == {
        person: last.get(person, (0, []))[1] for person in present
    }
    assert last
