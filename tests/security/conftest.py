"""A system of the corpus' own: its gateway knows keys of every kind, and nobody may take long."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.security.keys import issuer_key_set
from tests.security.world import World, new_world
from tests.support.stack import Stack, running_stack

PATIENCE = 0.5
"""Seconds for what is sent slowly; the product's own are tens."""


@pytest.fixture(scope="package", autouse=True)
def little_patience() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.http.body.BODY_TIMEOUT", PATIENCE)
        patch.setattr("shared.http.server.connection.HEAD_TIMEOUT", PATIENCE)
        patch.setattr("shared.http.server.connection.LINGER", 2 * PATIENCE)
        yield


@pytest.fixture(scope="package")
async def secured_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    keys = tmp_path_factory.mktemp("issuer") / "keys.json"
    keys.write_text(issuer_key_set())
    async with running_stack(issuer_keys_file=keys, login_rate_limit=1_000_000) as stack:
        yield stack


@pytest.fixture(scope="package")
async def world(secured_stack: Stack) -> World:
    return await new_world(secured_stack)
