"""What all tests share: one running system for the whole run, and an organisation of its own for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.support.client import Client, new_organisation
from tests.support.stack import Stack, running_stack


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    async with running_stack() as stack:
        yield stack


@pytest.fixture
def organisation() -> int:
    return new_organisation()


@pytest.fixture
def admin(stack: Stack, organisation: int) -> Client:
    """An administrator of the test's own organisation, through the gateway."""
    return stack.client(organisation)
