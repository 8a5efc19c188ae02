"""Databases of delivery: one that tests share for the feed, and others in which only a test's own senders send."""

from collections.abc import AsyncIterator

import pytest

from tests.support.feed import FeedDatabase, feed_database
from tests.support.projections import Database, delivery_database
from tests.support.webhooks import Webhooks


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    """One of the test's own: a sender sends what is due for all organisations."""
    async with delivery_database() as database:
        yield database


@pytest.fixture
def webhooks(database: Database, organisation: int) -> Webhooks:
    return Webhooks(database, organisation)


@pytest.fixture(scope="session")
async def delivery() -> AsyncIterator[FeedDatabase]:
    """Shared: tests keep apart by their organisations."""
    async with feed_database() as database:
        yield database


@pytest.fixture
async def own_delivery() -> AsyncIterator[FeedDatabase]:
    """For tests that change what is true of the whole feed."""
    async with feed_database() as database:
        yield database
