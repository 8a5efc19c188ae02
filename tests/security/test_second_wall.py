"""With the organisation taken out of every statement's conditions, the database still shows no row of another."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import asyncpg
import pytest

from stack.services import SERVICE_NAMES
from tests.security import tenancy
from tests.security.open_wall import without_wall
from tests.security.runner import failures
from tests.security.world import World, contents, new_world
from tests.support.stack import Stack

_CONDITIONS = (
    # = $1, or the same where the statement sets its own scope
    (r"\b(?:\w+\.)?organisation_id = (\$1|(?:read|given)\.\w+)(?:::bigint)?\b", r"\1::bigint IS NOT NULL"),
    # of many rows at once
    (
        r"\((?:\w+\.)?organisation_id, ((?:\w+\.)?\w+)\)"
        r" IN \(SELECT \* FROM unnest\(\$1::bigint\[\], \$2::bigint\[\]\)\)",
        r"\1 IN (SELECT id_asked FROM unnest($1::bigint[], $2::bigint[]) AS asked (organisation_asked, id_asked))",
    ),
    (r"\b\w+\.organisation_id = (?:asked|free|closed|new)\.organisation_id AND ", ""),
)


def without_organisations(statement: str) -> str:
    for condition, instead in _CONDITIONS:
        statement = re.sub(condition, instead, statement)
    return statement


@pytest.fixture
def careless(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Statements that were sent without their condition."""
    changed: set[str] = set()
    execute = asyncpg.Connection._execute  # type: ignore[attr-defined]

    async def without(connection: Any, statement: str, *arguments: Any, **named: Any) -> Any:
        written = without_organisations(statement)
        if written != statement:
            changed.add(written)
        return await execute(connection, written, *arguments, **named)

    monkeypatch.setattr(asyncpg.Connection, "_execute", without)
    return changed


async def test_no_row_of_another_organisation_is_seen_or_changed(world: World, careless: set[str]) -> None:
    before = await contents(world)
    assert await failures(world, tenancy.FAMILY, "service") == []
    assert await contents(world) == before
    assert len(careless) >= 20


async def test_control_without_the_wall_they_are(secured_stack: Stack, careless: set[str]) -> None:
    own_world = await new_world(secured_stack)
    before = await contents(own_world)
    async with without_wall(secured_stack):
        found = await failures(own_world, tenancy.FAMILY, "service")
    assert await contents(own_world) != before
    assert len(found) >= 40, found


LISTS = (
    ("catalog", "/api/v1/training/courses"),
    ("catalog", "/api/v1/training/courses?search=leader"),
    ("catalog", "/api/v1/training/courses?category=safety&delivery_mode=online"),
    ("catalog", "/api/v1/training/courses?category=leadership"),
    ("catalog", "/api/v1/training/sessions"),
    ("catalog", "/api/v1/training/sessions?status=scheduled"),
    ("catalog", "/api/v1/training/sessions?date_from=2020-01-01&date_to=2040-01-01"),
    ("enrollment", "/api/v1/training/enrollments"),
    ("enrollment", "/api/v1/training/enrollments?status=enrolled"),
    ("enrollment", f"/api/v1/training/enrollments?year={date.today().year}"),
    ("enrollment", "/api/v1/employees"),
    ("enrollment", "/api/v1/employees?company_id=77"),
    ("enrollment", "/api/v1/employees?search=doe"),
    ("enrollment", "/api/v1/staff"),
    ("delivery", "/api/v1/events?limit=1000"),
    ("delivery", "/api/v1/webhooks"),
)
"""Pages of everything, one for each way in which rows are found."""


async def listed(world: World) -> list[tuple[int, list[int | str]]]:
    """How many rows each list counts and shows.

    Without the wall it shows those of other tests too, some of which no service would have let in.
    """
    stack, organisation = world.stack, world.organisation
    clients = {name: replace(stack.direct(name, organisation), of_services=False) for name in SERVICE_NAMES}
    answers = [await clients[name].get(path) for name, path in LISTS]
    ids = [[row["id"] for row in answer.data] for answer in answers]
    return [
        (answer.json.get("meta", {"total": len(own)})["total"], own) for answer, own in zip(answers, ids, strict=True)
    ]


async def test_lists_are_the_same_with_and_without_their_condition(
    secured_stack: Stack, request: pytest.FixtureRequest
) -> None:
    own_world = await new_world(secured_stack)
    right = await listed(own_world)
    assert all(total for total, _ in right[:2])
    changed = request.getfixturevalue("careless")
    assert await listed(own_world) == right
    assert len(changed) >= len(LISTS) - 1  # employees and staff are found by the same statement
    async with without_wall(secured_stack):
        wrong = await listed(own_world)
    assert [path for (_, path), *found in zip(LISTS, right, wrong, strict=True) if found[0] == found[1]] == []
