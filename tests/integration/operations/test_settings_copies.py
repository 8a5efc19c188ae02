"""Settings whose event never came are found by `verify` and copied by `rebuild`."""

from collections.abc import AsyncIterator

import pytest

from tests.support.copies import execute, rebuild, verify
from tests.support.stack import Stack

WITHOUT_EVENT = "INSERT INTO organisation_settings (organisation_id, time_zone) VALUES ($1, 'Australia/Sydney')"
COPYING = ["catalog", "history"]


@pytest.fixture(autouse=True)
async def as_before(served: Stack, organisation: int) -> AsyncIterator[None]:
    yield
    await execute(served, "enrollment", "DELETE FROM organisation_settings WHERE organisation_id = $1", organisation)
    for service in COPYING:
        assert (await rebuild(served, service)).status == 0


@pytest.mark.parametrize("service", COPYING)
async def test_verify_finds_what_was_not_copied_and_rebuild_copies_it(
    served: Stack, organisation: int, service: str
) -> None:
    await execute(served, "enrollment", WITHOUT_EVENT, organisation)
    found = await verify(served, service)
    assert (found.status, f"organisation_settings of organisation {organisation}" in found.output) == (1, True)
    assert (await rebuild(served, service)).status == 0
    assert (await verify(served, service)).status == 0
