"""An exchange and a queue of its own for each test of the delivery machinery, and the databases."""

from collections.abc import AsyncIterator

import pytest

from tests.support.broker import Broker, own_broker
from tests.support.databases import fresh_database
from tests.support.projections import Database, catalog_database, enrollment_database, history_database


@pytest.fixture
async def empty_database_url() -> AsyncIterator[str]:
    async with fresh_database("shared") as url:
        yield url


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    """One of the test's own, with the outbox that every service's has."""
    async with catalog_database() as database:
        yield database


@pytest.fixture(scope="session")
async def catalog() -> AsyncIterator[Database]:
    """Shared: tests keep apart by their organisations."""
    async with catalog_database() as database:
        yield database


@pytest.fixture(scope="session")
async def enrollment() -> AsyncIterator[Database]:
    async with enrollment_database() as database:
        yield database


@pytest.fixture(scope="session")
async def history() -> AsyncIterator[Database]:
    async with history_database() as database:
        yield database


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    async with own_broker() as broker:
        yield broker


@pytest.fixture
async def declared_queue(broker: Broker) -> None:
    """The broker's queue, which gets every event: consumers only find theirs."""
    await broker.declare("#")
