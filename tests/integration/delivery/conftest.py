from collections.abc import AsyncIterator

import pytest

from tests.support.feed import FeedDatabase, feed_database


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
