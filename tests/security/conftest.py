"""A system of the corpus' own: its gateway knows keys of every kind, and nobody may take long."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.security.keys import outside_key_set
from tests.security.world import World, new_world
from tests.support.providers import speaking_as_we_do
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
    keys = tmp_path_factory.mktemp("provider") / "keys.json"
    keys.write_text(outside_key_set())
    async with running_stack(providers=[speaking_as_we_do(keys)]) as stack:
        yield stack


@pytest.fixture(scope="package")
async def world(secured_stack: Stack) -> World:
    return await new_world(secured_stack)
