"""The grant `refresh_token` (RFC 6749, section 6): people stay signed in."""

from typing import Any

import pytest

from services.accounts.roles import ROLES
from shared.auth.internal_token import VIEW
from tests.support.accounts import PASSWORD, NewUser, new_user
from tests.support.client import Answer
from tests.support.programs import ask, basic, claims_of, new_address
from tests.support.stack import Stack


async def signed_in(stack: Stack, user: NewUser) -> str:
    """The refresh token of a new session."""
    body = {"email": user.email, "password": PASSWORD, "refresh_token": True}
    answer = await stack.public(new_address()).post("/api/v1/auth/login", body)
    assert answer.status == 200, answer.text
    token: str = answer.data["refresh_token"]
    return token


async def refreshed(stack: Stack, token: str, authorization: str | None = None, **parameters: str) -> Answer:
    return await ask(stack, {"grant_type": "refresh_token", "refresh_token": token, **parameters}, authorization)


def check_refused(answer: Answer, error: str) -> None:
    assert (answer.status, answer.json["error"]) == (400, error), answer.text
    assert answer.json.keys() == {"error", "error_description"}


async def test_a_refresh_token_brings_a_token_and_the_next_one(stack: Stack, organisation: int) -> None:
    user = await new_user(stack, organisation)
    first = await signed_in(stack, user)
    answer = await refreshed(stack, first)
    claims = claims_of(answer)
    assert (claims["sub"], claims["org"], claims["permissions"]) == (str(user.id), organisation, sorted(ROLES["Admin"]))
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", claims["exp"] - claims["iat"])
    assert answer.json["scope"].split() == claims["permissions"]
    second = answer.json["refresh_token"]
    assert second != first
    assert (await refreshed(stack, second)).status == 200


async def test_a_scope_narrows_the_token(stack: Stack, organisation: int) -> None:
    token = await signed_in(stack, await new_user(stack, organisation))
    check_refused(await refreshed(stack, token, scope="training.fly"), "invalid_scope")
    answer = await refreshed(stack, token, scope=f"{VIEW} platform.manage")
    assert claims_of(answer)["permissions"] == ["api.access", VIEW]
    assert answer.json["scope"] == f"api.access {VIEW}"


async def test_reuse_of_a_refresh_token_ends_its_family(stack: Stack, organisation: int) -> None:
    first = await signed_in(stack, await new_user(stack, organisation))
    second = (await refreshed(stack, first)).json["refresh_token"]
    third = (await refreshed(stack, second)).json["refresh_token"]
    check_refused(await refreshed(stack, first), "invalid_grant")
    check_refused(await refreshed(stack, third), "invalid_grant")


@pytest.mark.parametrize("token", ["x", "muster_rt_unknown", "x" * 4096])
async def test_an_unknown_refresh_token_is_refused(stack: Stack, token: str) -> None:
    check_refused(await refreshed(stack, token), "invalid_grant")


async def test_whoever_asks_needs_no_secret(stack: Stack, organisation: int) -> None:
    """What a client sends of its own makes no difference: a refresh token is a person's."""
    user = await new_user(stack, organisation)
    others: list[Any] = [(basic("any", "thing"), {}), (None, {"client_id": "any"})]
    for authorization, parameters in others:
        assert (await refreshed(stack, await signed_in(stack, user), authorization, **parameters)).status == 200
