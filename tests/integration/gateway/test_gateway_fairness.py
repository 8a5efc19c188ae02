"""What one organisation sends more than can be answered holds up no other one's requests at the gateway."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tests.integration.gateway.edge import Edge, StartGateway, Upstream, new_token
from tests.support.client import Answer, new_organisation
from tests.support.eventually import eventually

COURSES = "/api/v1/training/courses"
LIMIT, WAITING = 16, 64
SETTINGS = {"upstream_max_in_flight": LIMIT, "upstream_max_waiting": WAITING, "upstream_timeout": 2}


@asynccontextmanager
async def flooded(edge: Edge, upstream: Upstream, organisation: int) -> AsyncIterator[None]:
    """As many requests of the organisation as may be under way, held by the service until the block ends."""
    token, released = new_token(organisation), asyncio.Event()

    async def held(request: web.Request) -> web.StreamResponse:
        if "flood" in request.raw_path:
            await released.wait()
        return web.json_response({"data": []})

    assert (await edge.client(token).get(COURSES)).status == 200  # its token is known from here on
    upstream.answer = held
    flood = [asyncio.create_task(edge.client(token).get(f"{COURSES}?flood=1")) for _ in range(2 * (LIMIT + WAITING))]
    await eventually(lambda: is_full(upstream, flood))
    try:
        yield
    finally:
        released.set()
        assert {answer.status for answer in await asyncio.gather(*flood)} <= {200, 503, 504}


async def is_full(upstream: Upstream, flood: "Sequence[asyncio.Task[Answer]]") -> bool:
    return len(upstream.received) > LIMIT and any(request.done() for request in flood)


async def statuses_of_another(edge: Edge, *, known: bool, requests: int = 3) -> list[int]:
    client = edge.client(new_token(new_organisation()))
    if known:
        assert (await client.get("/api/v1/training/enrollments")).status == 200
    return [(await client.get(COURSES)).status for _ in range(requests)]


@pytest.mark.parametrize("known", [True, False], ids=["known token", "new token"])
async def test_another_organisation_is_answered_while_one_fills_its_places(
    start_gateway: StartGateway, upstream: Upstream, organisation: int, *, known: bool
) -> None:
    edge = await start_gateway(**SETTINGS)
    async with flooded(edge, upstream, organisation):
        assert await statuses_of_another(edge, known=known) == [200, 200, 200]


@pytest.mark.parametrize(
    "places", [("LIMIT_PER_EXTRA", 10**9), ("PLACES_PER_RESERVED", 10**9)], ids=["no permits", "no places"]
)
async def test_control_without_permits_or_places_for_others_it_is_refused(
    start_gateway: StartGateway,
    upstream: Upstream,
    organisation: int,
    monkeypatch: pytest.MonkeyPatch,
    places: tuple[str, int],
) -> None:
    monkeypatch.setattr(f"gateway.upstream.bulkhead.{places[0]}", places[1])
    edge = await start_gateway(**SETTINGS)
    async with flooded(edge, upstream, organisation):
        assert await statuses_of_another(edge, known=True, requests=1) == [503]
