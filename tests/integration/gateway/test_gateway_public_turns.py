"""Requests without a token take turns at accounts, each kind by itself: a rush of logins holds up nothing else."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count

import pytest
from aiohttp import web

from gateway.edge import public_routes
from gateway.edge.public_routes import AT_ONCE, KINDS, RETRY_AFTER
from gateway.routes import PUBLIC
from tests.integration.gateway.edge import Accounts, Edge, StartGateway
from tests.support.client import Answer
from tests.support.eventually import eventually

LOGIN, INVITATION, TOKEN = "/api/v1/auth/login", "/api/v1/auth/invitation", "/oauth/token"
KEY_SET, METADATA = "/.well-known/jwks.json", "/.well-known/oauth-authorization-server"
ME = "/api/v1/auth/me"
RUSH = 3 * AT_ONCE
Logins = list["asyncio.Task[Answer]"]


@asynccontextmanager
async def rush(edge: Edge, accounts: Accounts, logins: int = RUSH) -> AsyncIterator[Logins]:
    """So many logins one after another; accounts keeps those that reach it until the block ends."""
    released = asyncio.Event()

    async def held(request: web.Request) -> web.StreamResponse:
        if request.path in (LOGIN, INVITATION):
            await released.wait()
        return web.json_response({})

    accounts.answer = held
    tasks = []
    for number in range(logins):
        tasks.append(asyncio.create_task(edge.client().post(f"{LOGIN}?{number}", {})))
        if number < AT_ONCE:
            await eventually(partial(has_received, accounts, number + 1))
    try:
        yield tasks
    finally:
        released.set()
        await asyncio.gather(*tasks)


async def has_received(accounts: Accounts, logins: int) -> bool:
    return len(accounts.received) >= logins


def test_each_public_path_is_of_one_kind() -> None:
    assert Counter(path for _, paths in KINDS for path in paths) == Counter(PUBLIC.keys())


async def test_a_rush_of_logins_holds_up_no_other_kind(edge: Edge, accounts: Accounts, token: str) -> None:
    async with rush(edge, accounts) as logins:
        assert (await edge.client().request("POST", TOKEN)).status == 200
        assert (await edge.client().get(METADATA)).status == 200
        assert (await edge.client().get(KEY_SET)).status == 200
        assert (await edge.client(token).get(ME)).status == 200
        assert sum(received.target.startswith(LOGIN) for received in accounts.received) == AT_ONCE
        assert not any(login.done() for login in logins)
    assert {login.result().status for login in logins} == {200}


async def test_control_with_one_kind_for_all_a_token_waits_for_the_logins(
    start_gateway: StartGateway, accounts: Accounts, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_routes, "KINDS", (("all", tuple(PUBLIC)),))
    edge = await start_gateway(upstream_timeout=2)
    async with rush(edge, accounts, AT_ONCE):
        assert (await edge.client().request("POST", TOKEN)).status == 503
        assert (await edge.client(token).get(ME)).status == 200


async def test_logins_and_invitations_are_of_one_kind(start_gateway: StartGateway, accounts: Accounts) -> None:
    edge = await start_gateway(upstream_timeout=2)
    async with rush(edge, accounts, AT_ONCE):
        answer = await edge.client().post(INVITATION, {})
    assert (answer.status, answer.headers["Retry-After"]) == (503, str(RETRY_AFTER))


async def test_the_queue_has_a_bound(
    start_gateway: StartGateway, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_routes, "WAITING", 3)
    edge = await start_gateway()
    async with rush(edge, accounts, AT_ONCE + 6) as logins:
        await eventually(partial(are_done, logins, 3))
    answers = [login.result() for login in logins]
    assert Counter(answer.status for answer in answers) == {200: AT_ONCE + 3, 503: 3}
    refused = next(answer for answer in answers if answer.status == 503)
    assert (refused.json["code"], refused.headers["Retry-After"]) == ("upstream_unavailable", str(RETRY_AFTER))


async def are_done(logins: Logins, number: int) -> bool:
    return sum(login.done() for login in logins) == number


async def test_control_without_the_bound_they_wait(edge: Edge, accounts: Accounts) -> None:
    async with rush(edge, accounts, AT_ONCE + 6) as logins:
        assert (await edge.client().request("POST", TOKEN)).status == 200
        assert not any(login.done() for login in logins)


async def test_a_turn_that_comes_is_used_and_one_that_cannot_is_refused(
    start_gateway: StartGateway, accounts: Accounts
) -> None:
    edge = await start_gateway(upstream_timeout=2)
    begun, released = count(1), asyncio.Event()

    async def answer(_: web.Request) -> web.StreamResponse:
        if next(begun) > AT_ONCE:
            await released.wait()
        return web.json_response({})

    accounts.answer = answer
    logins = [asyncio.create_task(edge.client().post(LOGIN, {})) for _ in range(3 * AT_ONCE)]
    await eventually(partial(are_done, logins, 2 * AT_ONCE))
    released.set()
    answers = await asyncio.gather(*logins)
    assert Counter(answer.status for answer in answers) == {200: 2 * AT_ONCE, 503: AT_ONCE}
    assert {answer.headers["Retry-After"] for answer in answers if answer.status == 503} == {str(RETRY_AFTER)}


async def test_a_client_that_sends_its_body_slowly_keeps_nobody_s_turn(edge: Edge, accounts: Accounts) -> None:
    head = f"POST {LOGIN} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue"
    pieces = [asyncio.create_task(edge.send(head)) for _ in range(2 * AT_ONCE)]  # the bodies never come
    try:
        assert (await edge.client().post(LOGIN, {})).status == 200
    finally:
        for piece in pieces:
            piece.cancel()
        await asyncio.gather(*pieces, return_exceptions=True)
