"""A system whose worker of enrollment is the test's own: none runs by itself."""

from collections.abc import AsyncIterator

import pytest

from tests.support.import_workers import Workers
from tests.support.stack import Stack, running_stack


@pytest.fixture(scope="package")
async def idle_stack() -> AsyncIterator[Stack]:
    """Imports wait in it until a test works on them."""
    async with running_stack(roles={"enrollment": "api"}) as stack:
        yield stack


@pytest.fixture
async def workers(idle_stack: Stack, organisation: int) -> AsyncIterator[Workers]:
    """Of enrollment, for imports alone."""
    async with Workers.of(idle_stack, organisation) as workers:
        yield workers
