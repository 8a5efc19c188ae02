from collections.abc import AsyncIterator

import pytest

from tests.support.own_accounts import OwnAccounts, own_accounts


@pytest.fixture
async def accounts() -> AsyncIterator[OwnAccounts]:
    async with own_accounts() as accounts:
        yield accounts
