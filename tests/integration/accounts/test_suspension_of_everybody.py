"""A suspended organisation from outside: no user, no program and no token of it gets in, whoever issued the token."""

import asyncio
from functools import partial

from shared.auth.internal_token import API_ACCESS, PLATFORM
from tests.support.accounts import PASSWORD, NewUser, managing_users, new_user, sign_in
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.programs import ask, maker, new_program, token_of
from tests.support.stack import Stack
from tests.support.world import COURSES, ORGANISATIONS

SUSPENDED, REVOKED = "The organisation is suspended.", "The token was revoked."


async def _suspend(stack: Stack, organisation: int, suspended: bool = True) -> None:
    """By a program of the operator, through the gateway."""
    operator = stack.client(1, permissions=[API_ACCESS, PLATFORM])
    answer = await operator.patch(f"{ORGANISATIONS}/{organisation}", {"suspended": suspended})
    assert answer.status == 200, answer.text


async def _signed_in(stack: Stack, user: NewUser) -> tuple[Client, str]:
    """With an access token, and the refresh token that came with it."""
    data = (await sign_in(stack, user.email, refresh_token=True)).data
    return Client(stack.http, stack.gateway_url, data["token"]), data["refresh_token"]


async def _is_refused(client: Client, message: str) -> bool:
    answer = await client.get(COURSES)
    return (answer.status, answer.json.get("message")) == (401, message)


async def _is_accepted(client: Client) -> bool:
    return (await client.get(COURSES)).status == 200


async def test_nobody_gets_in_and_everybody_does_again(stack: Stack, organisation: int) -> None:
    users = [await new_user(stack, organisation) for _ in range(2)]
    signed_in, signed_out = [await _signed_in(stack, user) for user in users]
    program = await new_program(maker(stack, organisation), permissions=[API_ACCESS, "training.view"])
    token: str = (await token_of(stack, program)).json["access_token"]
    outside, of_program = stack.client(organisation), Client(stack.http, stack.gateway_url, token)
    everybody = [signed_in[0], signed_out[0], of_program, outside]
    assert all(await asyncio.gather(*map(_is_accepted, everybody)))

    await _suspend(stack, organisation)
    for client in everybody:
        await eventually(partial(_is_refused, client, SUSPENDED))
    assert (await sign_in(stack, users[0].email, PASSWORD)).status == 401
    assert (await token_of(stack, program)).status in (400, 401)
    refreshing = {"grant_type": "refresh_token", "refresh_token": signed_in[1]}
    assert (await ask(stack, refreshing)).status == 400
    await managing_users(stack, organisation).post(f"/api/v1/users/{users[1].id}/sign-out", {})

    await _suspend(stack, organisation, False)
    for client in (signed_in[0], of_program, outside):
        await eventually(partial(_is_accepted, client))
    assert await _is_refused(signed_out[0], REVOKED)
    assert (await sign_in(stack, users[0].email, PASSWORD)).status == 200
    assert (await token_of(stack, program)).status == 200
    assert (await ask(stack, refreshing)).status == 200
