"""Watching sessions at one gateway: what ends a stream, what does not, and how many there may be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from gateway.admission.open_streams import OpenStreams
from gateway.app import create_gateway
from gateway.live import live_sessions, session_changes
from gateway.settings import GatewaySettings
from shared.http import stream_slots
from shared.http.server.responder import RESPONDER
from tests.integration.gateway.edge import Accounts, Edge, StartGateway, Upstream, new_token, settings
from tests.integration.gateway.live import Seats, seats_served
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.stack import serving
from tests.support.streams import connection, read_until, unwatched
from tests.support.watching import watching

SESSION = 5
WITHIN = 2.0
"""Seconds in which a stream ends after its token (contract, section 1), and as many for a loaded machine."""


@pytest.fixture
async def seats() -> AsyncIterator[Seats]:
    async with seats_served() as seats:
        yield seats


@pytest.fixture
async def edge(start_gateway: StartGateway, seats: Seats) -> Edge:
    return await start_gateway(enrollment_url=seats.url)


async def log_out(client: Client) -> None:
    assert (await client.post("/api/v1/auth/logout", {})).status == 200


async def ends_after_logout(watched: Any, client: Client, within: float) -> None:
    """Raises `TimeoutError` if it goes on."""
    await log_out(client)
    async with asyncio.timeout(within):
        with pytest.raises((EOFError, aiohttp.ClientError)):
            await watched.next()


async def test_a_stream_ends_with_its_token_and_others_go_on(edge: Edge, seats: Seats, organisation: int) -> None:
    ending, staying = [edge.client(new_token(organisation)) for _ in range(2)]
    async with watching(ending, SESSION) as one, watching(staying, SESSION) as other:
        await one.next()
        await other.next()
        await ends_after_logout(one, ending, 2 * WITHIN)
        seats.change(SESSION)
        assert (await other.next()).data["version"] == 2


async def test_control_without_the_watch_over_tokens_it_goes_on(
    start_gateway: StartGateway, seats: Seats, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenStreams, "check", unwatched)
    client = (await start_gateway(enrollment_url=seats.url)).client(token)
    async with watching(client, SESSION) as watched:
        await watched.next()
        with pytest.raises(TimeoutError):
            await ends_after_logout(watched, client, WITHIN)


async def test_a_gateway_that_ends_says_when_to_come_back(
    upstream: Upstream, accounts: Accounts, seats: Seats, edge: Edge, token: str
) -> None:
    configured = settings(upstream.url, accounts.url) | {"enrollment_url": seats.url}
    app = create_gateway(GatewaySettings(**configured))
    async with serving(app) as url:
        client = Client(edge.http, url, token, of_services=False)
        exits = watching(client, SESSION)
        watched = await exits.__aenter__()
        await watched.next()
    last = await watched.next()
    assert last.retry is not None
    assert 500 <= last.retry <= 3000
    with pytest.raises(EOFError):
        await watched.next()
    await exits.__aexit__(None, None, None)


async def test_a_process_of_enrollment_that_dies_costs_no_change(edge: Edge, seats: Seats, token: str) -> None:
    client = edge.client(token)
    async with watching(client, SESSION) as watched:
        await watched.next()
        await eventually(seats.is_followed)
        seats.end_streams()
        seats.change(SESSION, said=False)
        assert (await watched.next()).data["version"] == 2
        assert seats.began == 2


async def test_a_process_that_says_nothing_any_more_is_left(
    edge: Edge, seats: Seats, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_changes, "SILENCE", aiohttp.ClientTimeout(total=None, sock_read=0.3))
    async with watching(edge.client(token), SESSION) as watched:
        await watched.next()
        await eventually(seats.is_followed)
        seats.change(SESSION, said=False)
        assert (await watched.next()).data["version"] == 2


async def test_the_last_who_leaves_ends_the_stream_from_enrollment(edge: Edge, seats: Seats, token: str) -> None:
    client = edge.client(token)

    async def nobody_follows() -> bool:
        seats.change(SESSION)  # what is written to nobody shows that there is nobody
        return not seats.followers[SESSION]

    async with watching(client, SESSION) as staying:
        await staying.next()
        async with watching(client, SESSION) as leaving:
            await leaving.next()
        seats.change(SESSION)
        assert (await staying.next()).data["version"] == 2
        assert seats.began == 1
    await eventually(nobody_follows)


async def test_who_leaves_in_the_moment_of_a_change_costs_others_nothing(edge: Edge, seats: Seats, token: str) -> None:
    """Several stay and several leave, since the order in which they hear of it is chance."""
    client = edge.client(token)
    async with AsyncExitStack() as exits:
        staying = [await exits.enter_async_context(watching(client, SESSION)) for _ in range(8)]
        for version in range(2, 12):
            async with AsyncExitStack() as leaving:
                for _ in range(4):
                    await (await leaving.enter_async_context(watching(client, SESSION))).next()
            seats.change(SESSION)
            for each in staying:
                await each.until(version=version)


async def test_a_reader_who_is_far_behind_is_cut(
    upstream: Upstream, accounts: Accounts, seats: Seats, token: str
) -> None:
    app = create_gateway(GatewaySettings(**(settings(upstream.url, accounts.url) | {"enrollment_url": seats.url})))
    async with serving(app) as url:
        streams = app[RESPONDER].streams
        request = f"GET /api/v1/training/sessions/{SESSION}/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}"
        async with connection(url, f"{request}\r\n\r\n".encode(), receive_buffer=4096) as made:
            await read_until(made, b"data: ")

            async def is_cut() -> bool:
                seats.change(SESSION)
                return not streams.open

            await eventually(is_cut)


async def test_a_gateway_follows_so_many_sessions_and_an_organisation_half(
    edge: Edge, seats: Seats, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_sessions, "FOLLOWED", 4)
    client, other = edge.client(new_token(organisation)), edge.client(new_token(organisation + 1))
    async with watching(client, 1, 2) as watched:
        await watched.next()
        async with watching(client, 2) as again:
            await again.next()
        refused = await client.get("/api/v1/training/sessions/3/live")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        async with watching(other, 3, 4) as theirs:
            await theirs.next()
            full = await edge.client(new_token(organisation + 2)).get("/api/v1/training/sessions/9/live")
            assert full.status == 503


async def fourth_watcher(start_gateway: StartGateway, seats: Seats, organisation: int) -> tuple[int, Edge]:
    """The status for a user who watches three sessions already, with whatever token."""
    edge = await start_gateway(enrollment_url=seats.url)
    async with AsyncExitStack() as exits:
        for number in range(3):
            await exits.enter_async_context(watching(edge.client(new_token(organisation, sub="ann")), number + 1))
        async with edge.http.get(
            f"{edge.url}/api/v1/training/sessions/4/live",
            headers={"Authorization": f"Bearer {new_token(organisation, sub='ann')}"},
        ) as answer:
            status = answer.status
        other = edge.client(new_token(organisation, sub="bob"))
        await exits.enter_async_context(watching(other, 4))
    return status, edge


async def test_a_user_watches_so_much_and_no_more(
    start_gateway: StartGateway, seats: Seats, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_slots, "STREAMS_OF_USER", 3)
    status, edge = await fourth_watcher(start_gateway, seats, organisation)
    assert status == 429

    async def is_let_in() -> bool:
        async with watching(edge.client(new_token(organisation, sub="ann")), 4) as watched:
            await watched.next()
        return True

    await eventually(is_let_in)


async def test_control_without_the_limit_of_a_user_it_goes_on(
    start_gateway: StartGateway, seats: Seats, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_slots, "STREAMS_OF_USER", 3000)
    assert (await fourth_watcher(start_gateway, seats, organisation))[0] == 200
