"""A database of delivery in which nothing but the tests' own senders sends."""

from collections.abc import AsyncIterator

import pytest

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
