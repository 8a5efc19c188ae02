"""The framing rules hold where bodies are sent on as they come: the same requests, with the same answers."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from gateway.app import create_gateway
from gateway.routes import STREAMED
from gateway.upstream import lane
from shared.http.models import MAX_BODY_BYTES
from shared.http.server.framing import Incoming
from tests.security import framing
from tests.security.conftest import PATIENCE
from tests.security.corpus import COURSES
from tests.security.keys import outside_key_set
from tests.security.runner import failures
from tests.security.world import World, contents
from tests.support.providers import speaking_as_we_do
from tests.support.raw_http import is_alive
from tests.support.stack import gateway_settings, serving


@pytest.fixture
async def over_the_lane(
    world: World, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """A gateway that sends requests for courses over the lane, with bodies as they come."""
    monkeypatch.setitem(STREAMED, COURSES, {"GET": 0, "POST": MAX_BODY_BYTES})
    monkeypatch.setattr("shared.http.request.STALL_TIMEOUT", PATIENCE / 2)
    keys = tmp_path_factory.mktemp("provider") / "keys.json"
    keys.write_text(outside_key_set())
    settings = gateway_settings(world.stack.urls, providers=[speaking_as_we_do(keys)], rate_limit=1_000_000)
    async with serving(create_gateway(settings)) as url:
        yield replace(world, stack=replace(world.stack, gateway_url=url))


async def test_every_case_is_answered_as_it_says_and_changes_nothing(over_the_lane: World) -> None:
    before = await contents(over_the_lane)
    found = await failures(over_the_lane, framing.FAMILY, "gateway")
    assert not found, "\n".join(found)
    assert await contents(over_the_lane) == before
    assert await is_alive(over_the_lane.stack.gateway_url)


async def test_control_with_bodies_that_say_nothing_of_their_end(
    over_the_lane: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service then takes for the next request what was a body."""
    monkeypatch.setattr(lane.LaneRequest, "_framing", lambda _: "Content-Length: 0\r\n")
    monkeypatch.setattr(Incoming, "has_too_much_overhead", lambda _: False)
    assert await failures(over_the_lane, framing.FAMILY, "gateway")
