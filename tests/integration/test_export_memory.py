"""What a process holds of an export: a step of it, however many rows there are."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.http.accept import CSV_TYPE, NDJSON_TYPE
from tests.support.client import Client
from tests.support.growth import Growth
from tests.support.service_process import service_process
from tests.support.stack import Stack
from tests.support.world import COURSES, new_course

ROWS = 100_000
MOST_GROWTH = 25
"""MiB, of some 30 that the rows are as text."""
_FILL = """
INSERT INTO audit_trail (organisation_id, kind, id, version, action, actor_subject, actor_name, request_id, changes)
SELECT $1, 'course', $2, version, 'course.saved', 'user-1', 'Ann Example', 'request-0001',
    '{"title": {"from": "Working at Heights", "to": "Working at Heights, first day"}, "score": {"from": 1, "to": 2.5}}'
FROM generate_series(2, $3) version
"""


@pytest.fixture
async def trail(stack: Stack, admin: Client, organisation: int) -> AsyncIterator[str]:
    """The path of a long one."""
    course = await new_course(admin)
    connection = await asyncpg.connect(stack.catalog_database_url, timeout=10)
    try:
        await connection.execute(_FILL, organisation, course, ROWS)
        yield f"{COURSES}/{course}/audit"
        await connection.execute("DELETE FROM audit_trail WHERE organisation_id = $1", organisation)
    finally:
        await connection.close()


async def growth_of(stack: Stack, organisation: int, module: str, path: str, accept: str) -> float:
    async with service_process(module, stack.settings["catalog"], "--role", "api") as process:
        client = stack.direct("catalog", organisation, url=process.url)
        await client.request("GET", f"{COURSES}", headers={"Accept": accept})
        with Growth(process) as growth:
            assert await lines_of(client, path, accept) in (ROWS, ROWS + 1)
        return growth.mib


async def lines_of(client: Client, path: str, accept: str) -> int:
    """Read as it comes; a chunk of HTTP is a few lines more."""
    headers = {"Accept": accept, "Authorization": f"Bearer {client.token}"}
    async with client.http.get(client.url + path, headers=headers) as answer:
        assert answer.status == 200
        return sum([part.count(b"\n") async for part in answer.content.iter_any()])


@pytest.mark.timeout(180)
@pytest.mark.parametrize("accept", [CSV_TYPE, NDJSON_TYPE])
async def test_memory_does_not_grow_with_the_rows(stack: Stack, organisation: int, trail: str, accept: str) -> None:
    assert await growth_of(stack, organisation, "services.catalog", trail, accept) <= MOST_GROWTH


@pytest.mark.timeout(180)
async def test_control_all_rows_in_one_step_do_not_fit(stack: Stack, organisation: int, trail: str) -> None:
    assert await growth_of(stack, organisation, "tests.support.greedy_catalog", trail, CSV_TYPE) > MOST_GROWTH
