"""The use cases of the catalog without HTTP: its database, and enrollment as it asks it."""

from collections.abc import AsyncIterator

import pytest

from services.catalog.enrollment_client import EnrollmentClient
from shared.http.service_client import connect_to_service
from shared.postgres.pool import Pool, connection_pool
from tests.support.internal_keys import signer
from tests.support.stack import Stack


@pytest.fixture
async def pool(stack: Stack) -> AsyncIterator[Pool]:
    async with connection_pool(stack.catalog_database_url, name="test") as pool:
        yield pool


@pytest.fixture
async def enrollment(stack: Stack) -> AsyncIterator[EnrollmentClient]:
    async with connect_to_service(
        stack.enrollment_url, name="enrollment", asking="catalog", signer=signer("catalog")
    ) as client:
        yield EnrollmentClient(client)
