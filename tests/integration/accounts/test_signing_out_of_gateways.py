"""What ends one's own tokens, as clients see it through the gateway."""

import asyncio
from functools import partial

from tests.integration.accounts.test_behind_the_gateway import COURSES, LOGIN, is_refused, signed_in
from tests.integration.accounts.test_own_account import NEW, PATH
from tests.integration.accounts.test_refresh import refresh
from tests.support.accounts import PASSWORD, accounts_pool, new_user
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.stack import Stack

REVOKED = "The token was revoked."


async def test_signing_out_everywhere_ends_the_tokens_of_all_devices(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    here, there = [await signed_in(stack, user) for _ in range(2)]
    assert (await here.post("/api/v1/auth/sign-out", {})).status == 200
    for client in (here, there):
        await eventually(partial(is_refused, client, REVOKED))
    assert (await (await signed_in(stack, user)).get(COURSES)).status == 200


async def test_a_changed_password_ends_older_tokens_and_brings_one_that_opens(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    older = await signed_in(stack, user)
    answer = await older.put(PATH, {"current_password": PASSWORD, "new_password": NEW})
    assert answer.status == 200, answer.text
    await eventually(partial(is_refused, older, REVOKED))
    assert (await Client(stack.http, stack.gateway_url, answer.data["token"]).get(COURSES)).status == 200


async def test_a_logout_ends_the_refresh_token_too(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    body = {"email": user.email, "password": PASSWORD, "refresh_token": True}
    login = await stack.anonymous().post(LOGIN, body)
    client = Client(stack.http, stack.gateway_url, login.data["token"])
    assert (await client.post("/api/v1/auth/logout", {})).status == 200
    async with accounts_pool(stack) as pool:
        assert await refresh(pool, login.data["refresh_token"]) is None


async def test_colleagues_behind_one_address_all_sign_in_at_nine_o_clock(stack: Stack, organisation: int) -> None:
    users = [await new_user(stack, organisation) for _ in range(12)]
    clients = await asyncio.gather(*(signed_in(stack, user) for user in users))
    assert len({client.token for client in clients}) == 12
