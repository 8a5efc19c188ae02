"""Accounts as clients see it, through the gateway: signing in, and tokens that are refused before they expire."""

from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg

from gateway.app import create_gateway
from services.accounts.store import revocations
from shared.postgres.pool import Connection
from tests.support.accounts import PASSWORD, NewUser, new_user
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.stack import Stack, gateway_settings, serving

LOGIN, ME, COURSES = "/api/v1/auth/login", "/api/v1/auth/me", "/api/v1/training/courses"


async def signed_in(stack: Stack, user: NewUser) -> Client:
    answer = await stack.anonymous().post(LOGIN, {"email": user.email, "password": PASSWORD})
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store"), answer.text
    return Client(stack.http, stack.gateway_url, answer.data["token"])


async def in_accounts(stack: Stack, change: Callable[[Connection], Awaitable[object]]) -> None:
    """As a use case does, in one transaction."""
    connection = await asyncpg.connect(stack.accounts_database_url, timeout=10)
    try:
        async with connection.transaction():
            await change(connection)
    finally:
        await connection.close(timeout=10)


async def is_refused(client: Client, message: str) -> bool:
    answer = await client.get(COURSES)
    return (answer.status, answer.json.get("message")) == (401, message)


async def test_whoever_signs_in_gets_a_token_that_opens(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    client = await signed_in(stack, user)
    assert (await client.get(COURSES)).status == 200
    assert (await client.get(ME)).data["email"] == user.email
    assert (await stack.anonymous().get("/.well-known/jwks.json")).json["keys"]


async def test_a_wrong_password_is_the_clients_and_no_fault_of_the_gateway(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    answer = await stack.anonymous().post(LOGIN, {"email": user.email, "password": "wrong"})
    assert (answer.status, answer.json["code"]) == (401, "credentials_invalid")


async def test_tokens_that_are_cut_off_are_refused_by_every_gateway(stack: Stack, organisation: int) -> None:
    user, other = await new_user(stack, organisation), await new_user(stack, organisation)
    first, others = await signed_in(stack, user), await signed_in(stack, other)
    async with serving(create_gateway(gateway_settings(stack.urls))) as url:
        second = Client(stack.http, url, first.token)
        assert [(await client.get(COURSES)).status for client in (first, second)] == [200, 200]
        await in_accounts(
            stack, lambda connection: revocations.refuse_tokens(connection, organisation, str(user.id), "muster")
        )
        for client in (first, second):
            await eventually(partial(is_refused, client, "The token was revoked."))
    assert (await others.get(COURSES)).status == 200


async def test_a_suspended_organisation_is_refused_whoever_issued_its_tokens(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    clients = [await signed_in(stack, user), stack.client(organisation)]
    await in_accounts(stack, lambda connection: revocations.suspend(connection, organisation))
    for client in clients:
        await eventually(partial(is_refused, client, "The organisation is suspended."))
    assert (await stack.client(organisation + 1).get(COURSES)).status == 200
    await in_accounts(stack, lambda connection: revocations.resume(connection, organisation))

    async def is_accepted() -> bool:
        return (await clients[0].get(COURSES)).status == 200

    await eventually(is_accepted)
