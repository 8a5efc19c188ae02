"""Tokens of an outside identity provider: its keys are fetched, kept, and asked for sparingly."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import jwt
import pytest

from shared.auth.jwk import new_private_keys
from tests.integration.gateway.edge import CLIENT_SECRET, NOWHERE, Accounts, Edge, StartGateway
from tests.support.client import Answer, client_claims
from tests.support.eventually import eventually
from tests.support.identity_provider import Provider, identity_provider

COURSES = "/api/v1/training/courses"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with identity_provider() as provider:
        yield provider


async def trusting(start_gateway: StartGateway, provider: Provider, **changes: Any) -> Edge:
    values: dict[str, Any] = {
        "client_token_secret": None,
        "key_set_url": f"{provider.url}/keys",
        "token_issuer": provider.url,
        "token_audience": "training",
    }
    return await start_gateway(**(values | changes))


async def test_only_the_providers_tokens_count(
    start_gateway: StartGateway, accounts: Accounts, provider: Provider, organisation: int
) -> None:
    own = json.loads(new_private_keys())["keys"][0]
    accounts.keys = [{name: value for name, value in own.items() if name != "d"}]
    edge = await trusting(start_gateway, provider, key_set_cooldown=0.01)
    claims = client_claims(organisation, iss=provider.url, aud="training")
    assert (await edge.client(provider.token("first", organisation)).get(COURSES)).status == 200
    for token in (
        jwt.encode(claims, jwt.PyJWK(own).key, "EdDSA", headers={"kid": own["kid"]}),
        jwt.encode(claims, CLIENT_SECRET, "HS256"),
        provider.token("first", organisation, iss="muster"),
        provider.token("first", organisation, aud="muster-api"),
    ):
        await eventually(partial(refused, edge, token))
    assert (await edge.client().post("/api/v1/auth/login", {"email": "a@b.c", "password": "x"})).status == 404
    assert (await edge.client().get("/.well-known/jwks.json")).status == 404


async def refused(edge: Edge, token: str) -> bool:
    """Nobody is called wrong before the keys could be read once more."""
    answer = await edge.client(token).get(COURSES)
    assert answer.status in (401, 503)
    return answer.status == 401


async def test_unknown_keys_cause_one_fetch_in_each_cooldown(
    start_gateway: StartGateway, provider: Provider, organisation: int
) -> None:
    edge = await trusting(start_gateway, provider, key_set_cooldown=1000)
    stranger = Provider(provider.url)
    stranger.add_key("unknown")
    answers = await asyncio.gather(
        *(edge.client(stranger.token("unknown", organisation)).get(COURSES) for _ in range(30))
    )
    assert {answer.status for answer in answers} == {503}
    assert {answer.headers["Retry-After"] for answer in answers} <= {"999", "1000"}
    assert provider.asked == 1


async def test_a_rotated_key_is_found_and_the_withdrawn_one_counts_no_more(
    start_gateway: StartGateway, provider: Provider, organisation: int
) -> None:
    edge = await trusting(start_gateway, provider, key_set_cooldown=0.05)
    old = provider.token("first", organisation)
    assert (await edge.client(old).get(COURSES)).status == 200
    provider.add_key("second")
    del provider.private["first"]

    async def accepted() -> bool:
        return (await edge.client(provider.token("second", organisation)).get(COURSES)).status == 200

    await eventually(accepted)
    assert (await edge.client(old).get(COURSES)).status == 401


async def test_keys_that_were_looked_for_in_vain_are_refused_inside_the_cooldown(
    start_gateway: StartGateway, provider: Provider, organisation: int
) -> None:
    edge = await trusting(start_gateway, provider, key_set_cooldown=1.0)
    stranger = Provider(provider.url)
    stranger.add_key("unknown")
    await eventually(partial(refused, edge, stranger.token("unknown", organisation)))
    asked = provider.asked
    assert await refused(edge, stranger.token("unknown", organisation))
    assert provider.asked == asked


async def test_the_last_good_keys_serve_while_the_provider_is_down(
    start_gateway: StartGateway, provider: Provider, organisation: int
) -> None:
    edge = await trusting(start_gateway, provider, key_set_cooldown=0.01)
    assert (await edge.client(provider.token("first", organisation)).get(COURSES)).status == 200
    provider.broken, asked = True, provider.asked
    stranger = Provider(provider.url)
    stranger.add_key("unknown")

    async def asked_again() -> bool:
        answer = await edge.client(stranger.token("unknown", organisation)).get(COURSES)
        assert (answer.status, answer.json["code"]) == (503, "upstream_unavailable")
        return provider.asked > asked

    await eventually(asked_again)
    assert (await edge.client(provider.token("first", organisation)).get(COURSES)).status == 200


async def test_before_the_first_keys_nobody_is_called_wrong(
    start_gateway: StartGateway, provider: Provider, organisation: int
) -> None:
    edge = await trusting(start_gateway, provider, key_set_url=f"{NOWHERE}/keys")
    answer = await edge.client(provider.token("first", organisation)).get(COURSES)
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await edge.client().get("/health/ready")).status == 503


async def test_a_frozen_provider_holds_nobody_up_who_is_known(
    start_gateway: StartGateway, provider: Provider, organisation: int
) -> None:
    edge = await trusting(start_gateway, provider, key_set_cooldown=0.01)
    known = provider.token("first", organisation)
    assert (await edge.client(known).get(COURSES)).status == 200
    provider.frozen = asyncio.Event()
    stranger = Provider(provider.url)
    stranger.add_key("unknown")

    async def held_up() -> bool:
        """An unknown key inside a cooldown waits for nobody, so this is tried until one does ask."""
        token = stranger.token("unknown", organisation)
        waiting.append(asyncio.create_task(edge.client(token).get(COURSES)))
        return provider.asked > asked

    waiting: list[asyncio.Task[Answer]] = []
    asked = provider.asked
    await eventually(held_up)
    assert (await edge.client(known).get(COURSES)).status == 200
    assert not all(task.done() for task in waiting)
    provider.frozen.set()
    assert {answer.status for answer in await asyncio.gather(*waiting)} <= {401, 503}


async def test_a_key_that_came_within_the_cooldown_is_never_called_wrong(
    start_gateway: StartGateway, provider: Provider, organisation: int
) -> None:
    edge = await trusting(start_gateway, provider, key_set_cooldown=1.0)
    stranger = Provider(provider.url)
    stranger.add_key("unknown")

    await eventually(partial(refused, edge, stranger.token("unknown", organisation)))  # now the cooldown begins
    provider.add_key("second")
    statuses: list[int] = []

    async def accepted() -> bool:
        answer = await edge.client(provider.token("second", organisation)).get(COURSES)
        statuses.append(answer.status)
        assert answer.status == 200 or int(answer.headers["Retry-After"]) >= 1
        return answer.status == 200

    await eventually(accepted)
    assert set(statuses) <= {503, 200}


async def test_tokens_whose_keys_nobody_can_judge_count_against_their_address(
    start_gateway: StartGateway, provider: Provider, organisation: int
) -> None:
    edge = await trusting(
        start_gateway, provider, key_set_url=f"{NOWHERE}/keys", address_rate_limit=3, trusted_proxies=1
    )
    stranger, statuses = Provider(provider.url), []
    for number in range(4):
        stranger.add_key(f"unknown-{number}")
        token = stranger.token(f"unknown-{number}", organisation)
        address = {"X-Forwarded-For": f"fd00:{organisation & 0xFFFF:x}:{organisation >> 16 & 0xFFFF:x}::1"}
        statuses.append((await edge.client(token).request("GET", COURSES, headers=address)).status)
    assert statuses == [503, 503, 503, 429]
