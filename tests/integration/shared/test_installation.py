"""Events say which installation they come from, and where their schema is, as the database knows it by `migrate`."""

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from services.enrollment.app import MIGRATIONS
from shared.messaging import outbox
from shared.messaging.installation import describe
from shared.postgres.migrations import migrate
from tests.support.databases import fresh_database
from tests.support.earlier_schema import database_before
from tests.support.events import enrollment
from tests.support.guards import without

PUBLIC = "https://training.example.org"


@pytest.fixture
async def database() -> AsyncIterator[str]:
    async with fresh_database("installation") as url:
        await migrate(url, MIGRATIONS)
        yield url


async def told(url: str, source: str = "enrollment") -> tuple[str, str]:
    """`source` and `dataschema` of an event that is added now."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await outbox.add(connection, source, [enrollment(7, 1)])
        body: dict[str, Any] = json.loads(await connection.fetchval("SELECT body FROM outbox ORDER BY id DESC LIMIT 1"))
    finally:
        await connection.close()
    return body["source"], body["dataschema"]


async def test_no_other_installation_has_the_same_source(database: str) -> None:
    async with fresh_database("another") as another:
        await migrate(another, MIGRATIONS)
        sources = [(await told(url))[0] for url in (database, another)]
    assert all(source.startswith("urn:muster:") and source.endswith(":enrollment") for source in sources)
    assert sources[0] != sources[1]


async def test_the_source_stays_the_same_and_is_the_services_own(database: str) -> None:
    before, _ = await told(database)
    await migrate(database, MIGRATIONS)
    await describe(database, None, None)
    assert (await told(database))[0] == before
    assert (await told(database, "catalog"))[0] == before.replace(":enrollment", ":catalog")


async def test_events_have_the_name_and_the_address_of_the_settings(database: str) -> None:
    await describe(database, "acme.production", f"{PUBLIC}/")
    named = ("urn:muster:acme.production:enrollment", f"{PUBLIC}/schemas/training.enrollment.created.v1.json")
    assert await told(database) == named
    await describe(database, None, None)
    assert await told(database) == (named[0], "urn:muster:schema:training.enrollment.created.v1.json")


@pytest.mark.parametrize("public_url", [f'{PUBLIC}/"', f"{PUBLIC}/\\", f"{PUBLIC}/\n", "ftp://"])
async def test_an_address_that_would_break_the_events_is_not_kept(database: str, public_url: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await describe(database, None, public_url + "x")


async def test_an_installation_of_the_release_before_gets_a_name_by_migrating() -> None:
    async with database_before("0023_installation.sql", MIGRATIONS) as url:
        await migrate(url, MIGRATIONS)
        source, _ = await told(url)
    assert source.startswith("urn:muster:")


async def test_no_event_is_lost_where_the_row_is_missing(database: str) -> None:
    connection = await asyncpg.connect(database, timeout=10)
    await connection.execute("DELETE FROM installation")
    await connection.close()
    assert await told(database) == ("urn:muster::enrollment", "urn:muster:schema:training.enrollment.created.v1.json")


async def test_control_joined_otherwise_the_event_would_be_lost(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, outbox, "_ADD", "LEFT JOIN", "JOIN")
    with pytest.raises(TypeError):  # no body
        await test_no_event_is_lost_where_the_row_is_missing(database)
