"""History of people who were erased: no event of before brings a name back, whenever it comes."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.history.app import MIGRATIONS
from shared.events.personal import BLANK
from shared.events.types import EmployeeErased, EmployeeSaved
from shared.messaging.subscriptions import apply
from shared.postgres.migrations import migrate
from shared.postgres.pool import Pool, connection_pool, transaction
from tests.support.databases import fresh_database
from tests.support.events import MOMENT, person
from tests.support.services import PROJECTIONS

ORGANISATION = 7


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with fresh_database("history") as url:
        await migrate(url, MIGRATIONS)
        yield url


@pytest.fixture
async def pool(url: str) -> AsyncIterator[Pool]:
    async with connection_pool(url, name="test", size=2) as pool:
        yield pool


def erased(version: int) -> EmployeeErased:
    blank = {**BLANK["employee"], "removed": True, "erased_at": MOMENT}
    return EmployeeErased(ORGANISATION, person(ORGANISATION, 1, version).data.model_copy(update=blank))


async def follow(pool: Pool, *events: EmployeeErased | EmployeeSaved) -> None:
    """One after the other, each as a batch."""
    for event in events:
        async with transaction(pool, [ORGANISATION]) as connection:
            await apply(connection, PROJECTIONS["history"].subscriptions, [event])


async def named(url: str) -> tuple[str, str | None, bool]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        row = await connection.fetchrow("SELECT full_name, company_name, removed FROM people WHERE id = 1")
        assert row is not None
        return row["full_name"], row["company_name"], row["removed"]
    finally:
        await connection.close()


@pytest.mark.parametrize("before", [(), (1,), (2, 1)])
async def test_events_of_before_bring_no_name_back(pool: Pool, url: str, before: tuple[int, ...]) -> None:
    await follow(pool, *(person(ORGANISATION, 1, each) for each in before))
    await follow(pool, erased(3))
    await follow(pool, *(person(ORGANISATION, 1, each) for each in (2, 1)))
    assert await named(url) == ("", None, True)


async def test_control_an_event_of_a_later_version_would(pool: Pool, url: str) -> None:
    await follow(pool, erased(3), person(ORGANISATION, 1, 4))
    assert await named(url) == ("Person 1, version 4", "Company 4", False)
