"""Dry runs of requirements: whose clearance a change would touch, and that nothing is changed by asking."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.enrollment.use_cases import previews
from shared.postgres.pool import connection_pool
from tests.support.client import Answer, Client
from tests.support.external_records import accepted, known_course
from tests.support.requirements import FIELDS, new_requirement
from tests.support.stack import Stack
from tests.support.world import EMPLOYEES, REQUIREMENTS, new_employee, new_employees, new_staff

COMPANY, OTHER_COMPANY = {"id": 7, "name": "ABC"}, {"id": 8, "name": "XYZ"}
METRO, TUNNEL = 31, 32
LONG_AGO = "2020-03-03T08:00:00Z"


@dataclass
class World:
    """Two courses. `trained` holds the first, of ABC; `expired` held it; `workers` of both companies, and one of staff,
    hold nothing."""

    admin: Client
    course: int
    other_course: int
    trained: int
    expired: int
    workers: list[int]
    staff: int

    async def preview(self, **fields: Any) -> dict[str, int]:
        return counts(await self.admin.post(f"{REQUIREMENTS}?dry_run=true", self.fields(**fields)))

    def fields(self, **fields: Any) -> dict[str, Any]:
        return {**FIELDS, "needs": {"course_id": self.course}, **fields}


def counts(answer: Answer) -> dict[str, int]:
    """Those of a preview that is complete and of now."""
    assert answer.status == 200, answer.text
    assert answer.json["message"] == "Nothing was changed"
    shown = dict(answer.data)
    assert shown.pop("complete") is True
    assert abs(datetime.fromisoformat(shown.pop("at")) - datetime.now(UTC)) < timedelta(minutes=5)
    return shown


def of(lose: int = 0, gain: int = 0, of: int = 0, in_grace: int = 0) -> dict[str, int]:
    return {"would_lose": lose, "would_gain": gain, "in_grace": in_grace, "of": of}


@pytest.fixture
async def world(stack: Stack, organisation: int, admin: Client) -> World:
    course, other_course = await known_course(admin), await known_course(admin)
    judge = stack.client(organisation, sub="judge-1")
    trained, expired = await new_employee(admin, company=COMPANY), await new_employee(admin, company=COMPANY)
    await accepted(admin, judge, trained, course_id=course)
    await accepted(admin, judge, expired, course_id=course, completed_at=LONG_AGO, valid_until="2021-03-03T08:00:00Z")
    workers = [await new_employee(admin, company=company) for company in (COMPANY, OTHER_COMPANY)]
    return World(admin, course, other_course, trained, expired, workers, await new_staff(admin))


async def test_whoever_lacks_what_is_new_loses(world: World) -> None:
    assert await world.preview() == of(lose=4, of=5)
    assert await world.preview(applies_to={"company_ids": [COMPANY["id"]]}) == of(lose=2, of=3)
    assert await world.preview(applies_to={"project_ids": [METRO], "person_types": ["staff"]}) == of(lose=1, of=1)
    assert await world.preview(applies_to={"employee_ids": [world.trained]}) == of(of=1)
    assert await world.preview(applies_to={"company_ids": [99]}) == of()


async def test_any_of_several_is_enough(world: World) -> None:
    needs = {"any_of": [{"course_id": world.other_course}, {"course_id": world.course}]}
    assert await world.preview(needs=needs) == of(lose=4, of=5)
    assert await world.preview(needs={"course_id": world.other_course}) == of(lose=5, of=5)


async def test_nothing_is_written_by_asking(stack: Stack, organisation: int, world: World) -> None:
    requirement_id = await new_requirement(world.admin, needs={"course_id": world.course})
    path = f"{REQUIREMENTS}/{requirement_id}"
    before = await world.admin.get(path)
    await world.preview()
    patched = await world.admin.patch(f"{path}?dry_run=true", {"name": "New"})
    assert (patched.status, patched.headers["ETag"]) == (200, before.headers["ETag"])
    assert (await world.admin.delete(f"{path}?dry_run=true")).status == 200
    assert (await world.admin.get(path)).data == before.data
    assert (await world.admin.get(REQUIREMENTS)).data == [before.data]
    assert len((await world.admin.get(f"{path}/audit")).data) == 1
    told = "SELECT count(*) FROM outbox WHERE organisation_id = $1 AND routing_key LIKE 'requirement.%'"
    async with connection_pool(stack.enrollment_database_url, name="test", size=1) as pool:
        assert await pool.fetchval(told, organisation) == 1


async def test_whoever_lacks_something_else_already_loses_nothing(world: World) -> None:
    await new_requirement(world.admin, needs={"course_id": world.other_course}, applies_to={"person_types": ["staff"]})
    assert await world.preview() == of(lose=3, of=5)
    assert await world.preview(applies_to={"project_ids": [METRO]}) == of(lose=3, of=5)


async def test_what_is_lacked_in_one_project_hinders_nothing_in_another(world: World) -> None:
    needs = {"course_id": world.other_course}
    await new_requirement(world.admin, needs=needs, applies_to={"project_ids": [METRO]})
    assert await world.preview(applies_to={"project_ids": [METRO]}) == of(of=5)
    assert await world.preview(applies_to={"project_ids": [METRO, TUNNEL]}) == of(lose=4, of=5)
    assert await world.preview() == of(lose=4, of=5)


async def test_a_change_counts_who_loses_and_who_gains(world: World) -> None:
    requirement_id = await new_requirement(
        world.admin, needs={"course_id": world.course}, applies_to={"company_ids": [COMPANY["id"]]}
    )
    path = f"{REQUIREMENTS}/{requirement_id}?dry_run=true"

    async def preview(**patch: Any) -> dict[str, int]:
        return counts(await world.admin.patch(path, patch))

    assert await preview(name="New") == of(of=3)
    assert await preview(applies_to={"company_ids": [OTHER_COMPANY["id"]]}) == of(lose=1, gain=2, of=4)
    assert await preview(applies_to={"company_ids": None, "all": True}) == of(lose=2, of=5)
    assert await preview(needs={"course_id": world.other_course}) == of(lose=1, of=3)
    assert await preview(until="2020-01-01") == of(gain=2, of=3)
    assert await preview(grace_days=3) == of(gain=2, of=3, in_grace=2)


async def test_without_it_those_who_lacked_it_gain(world: World) -> None:
    requirement_id = await new_requirement(world.admin, needs={"course_id": world.course})
    assert counts(await world.admin.delete(f"{REQUIREMENTS}/{requirement_id}?dry_run=true")) == of(gain=4, of=5)
    await new_requirement(world.admin, needs={"course_id": world.other_course})
    assert counts(await world.admin.delete(f"{REQUIREMENTS}/{requirement_id}?dry_run=true")) == of(of=5)


async def test_people_who_left_are_not_counted(world: World) -> None:
    for person in world.workers:
        await world.admin.delete(f"{EMPLOYEES}/{person}")
    assert await world.preview() == of(lose=2, of=3)


async def test_what_begins_later_is_looked_at_then(stack: Stack, organisation: int, world: World) -> None:
    judge = stack.client(organisation, sub="judge-1")
    soon = (datetime.now(UTC) + timedelta(days=300)).date()
    [until_then] = await new_employees(world.admin, 1)
    await accepted(
        world.admin, judge, until_then, course_id=world.course, valid_until=f"{soon - timedelta(days=1)}T00:00:00Z"
    )
    assert await world.preview() == of(lose=4, of=6)
    answer = await world.admin.post(f"{REQUIREMENTS}?dry_run=true", world.fields(**{"from": f"{soon}"}))
    assert (answer.data["would_lose"], answer.data["at"]) == (5, f"{soon}T00:00:00.000000Z")
    with_grace = world.fields(**{"from": f"{soon}", "grace_days": 10})
    answer = await world.admin.post(f"{REQUIREMENTS}?dry_run=true", with_grace)
    assert (answer.data["would_lose"], answer.data["in_grace"], answer.data["of"]) == (0, 5, 6)


async def test_people_are_looked_at_in_batches_and_so_many_at_most(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "BATCH", 2)
    assert await world.preview() == of(lose=4, of=5)
    monkeypatch.setattr(previews, "MOST_PEOPLE", 4)
    answer = await world.admin.post(f"{REQUIREMENTS}?dry_run=true", world.fields())
    assert (answer.data["of"], answer.data["complete"]) == (4, False)
    monkeypatch.setattr(previews, "MOST_PEOPLE", 5)
    assert await world.preview() == of(lose=4, of=5)


async def test_a_preview_that_takes_long_says_that_there_are_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "BATCH", 2)
    monkeypatch.setattr(previews, "LONGEST_SECONDS", 0)
    answer = await world.admin.post(f"{REQUIREMENTS}?dry_run=true", world.fields())
    assert (answer.data["of"], answer.data["complete"]) == (2, False)
    assert await world.preview(applies_to={"employee_ids": world.workers}) == of(lose=2, of=2)
    assert await world.preview(applies_to={"person_types": ["staff"]}) == of(lose=1, of=1)
