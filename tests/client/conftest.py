"""A system in which imports of people wait, because nothing works on them."""

from collections.abc import AsyncIterator

import pytest

from tests.support.stack import Stack, running_stack


@pytest.fixture(scope="package")
async def idle_stack() -> AsyncIterator[Stack]:
    async with running_stack(roles={"enrollment": "api"}) as stack:
        yield stack
