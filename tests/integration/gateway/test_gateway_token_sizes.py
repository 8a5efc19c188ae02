"""The largest client token that the gateway takes goes on to a service, whatever letters are in it."""

import json
import secrets
from typing import Any

import jwt
import pytest

from gateway.auth.client_token import MAX_CLIENT_TOKEN_BYTES
from shared.auth.jwk import PrivateKeySet
from tests.support.client import Answer, Client, client_claims
from tests.support.stack import CLIENT_SECRET, Stack

COURSES = "/api/v1/training/courses"
LETTERS = ["x", "é", "日", "𝄞", '"', "\\"]
AS_IT_WAS = 8192


def shortest(organisation: int) -> dict[str, Any]:
    """Claims that an internal token says in more letters: for it they are never as few."""
    return client_claims(organisation, sub="u", jti=secrets.token_hex(1), iat=0, name=None, rate_limit=None)


def padded(organisation: int, letter: str, size: int) -> str:
    """A token of `size` bytes, or a few less, with permissions in these letters."""
    claims, permissions = shortest(organisation), ["api.access", "training.view"]
    room = (size - 4) * 3 // 4 - len(signed({**claims, "permissions": permissions})) * 3 // 4
    written = len(json.dumps(letter, ensure_ascii=False).encode()) - 2
    while room > 3:
        number = f"{len(permissions):02}"
        room -= len(f',"{number}"')
        letters = max(0, min(98, room // written))
        rest = min(98 - letters, max(0, room - letters * written)) if letters * written + 8 > room else 0
        permissions.append(number + letter * letters + "y" * rest)
        room -= letters * written + rest
    return signed({**claims, "permissions": permissions})


def signed(claims: dict[str, Any]) -> str:
    payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
    return jwt.PyJWS().encode(payload, CLIENT_SECRET, algorithm="HS256", headers={"typ": None})


async def listed(stack: Stack, token: str) -> Answer:
    return await Client(stack.http, stack.gateway_url, token).get(COURSES)


@pytest.mark.parametrize("letter", LETTERS)
async def test_the_largest_token_goes_on(stack: Stack, organisation: int, letter: str) -> None:
    token = padded(organisation, letter, MAX_CLIENT_TOKEN_BYTES)
    assert MAX_CLIENT_TOKEN_BYTES - 12 <= len(token) <= MAX_CLIENT_TOKEN_BYTES
    answer = await listed(stack, token)
    assert answer.status == 200, answer.text


async def test_a_larger_one_is_refused(stack: Stack, organisation: int) -> None:
    answer = await listed(stack, padded(organisation, "x", MAX_CLIENT_TOKEN_BYTES + 12))
    assert (answer.status, answer.json["code"]) == (401, "token_invalid")


async def test_control_without_a_bound_one_does_not_arrive(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.auth.client_token.MAX_CLIENT_TOKEN_BYTES", AS_IT_WAS)
    assert (await listed(stack, padded(organisation, "x", 8150))).status != 200


async def test_control_with_escaped_letters_one_of_half_the_size_does_not_arrive(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def escaped(keys: PrivateKeySet, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, keys.signing, keys.algorithm, headers={"kid": keys.key_id})

    monkeypatch.setattr(PrivateKeySet, "sign", escaped)
    assert (await listed(stack, padded(organisation, "日", MAX_CLIENT_TOKEN_BYTES // 2))).status == 200
    assert (await listed(stack, padded(organisation, "é", MAX_CLIENT_TOKEN_BYTES // 2))).status != 200
