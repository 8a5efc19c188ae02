"""60 requests a minute for each user (contract, section 1), and what every answer says about it."""

import asyncio

import pytest

from tests.support.client import Answer, Client
from tests.support.stack import Stack
from tests.support.world import COURSES

HEADERS = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit-Policy", "RateLimit"}


def limited(stack: Stack, organisation: int, **claims: object) -> Client:
    return stack.client(organisation, rate_limit=None, **claims)


async def ask(client: Client, path: str, times: int) -> list[Answer]:
    return list(await asyncio.gather(*(client.get(path) for _ in range(times))))


@pytest.mark.parametrize("path", ["/api/v1/employees/1/training", COURSES])
async def test_all_60_may_come_at_once_and_the_61st_is_refused(stack: Stack, organisation: int, path: str) -> None:
    client = limited(stack, organisation)
    assert 429 not in {answer.status for answer in await ask(client, path, 60)}
    refused = await client.get(path)
    assert (refused.status, refused.json["code"], refused.json["success"]) == (429, "rate_limited", False)
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert set(refused.headers) >= HEADERS
    assert refused.headers["X-RateLimit-Remaining"] == "0"


async def test_every_answer_says_what_is_left(stack: Stack, organisation: int) -> None:
    client = limited(stack, organisation)
    first, second = [await client.get(COURSES) for _ in range(2)]
    assert first.headers["X-RateLimit-Limit"] == "60"
    assert [answer.headers["X-RateLimit-Remaining"] for answer in (first, second)] == ["59", "58"]
    assert first.headers["RateLimit-Policy"] == '"default";q=60;w=60'
    assert first.headers["RateLimit"].startswith('"default";r=59;t=')


@pytest.mark.parametrize("path", [f"{COURSES}/999999999", f"{COURSES}?serach=x", "/api/v1/auth/me"])
async def test_refusals_and_the_gateways_own_answers_carry_the_limit_too(
    stack: Stack, organisation: int, path: str
) -> None:
    assert set((await limited(stack, organisation).request("GET", path)).headers) >= HEADERS


async def test_users_are_counted_apart(stack: Stack, organisation: int) -> None:
    await ask(limited(stack, organisation, sub="one"), COURSES, 60)
    assert (await limited(stack, organisation, sub="one").get(COURSES)).status == 429
    assert (await limited(stack, organisation, sub="two").get(COURSES)).status == 200


async def test_a_new_token_of_the_same_user_is_counted_with_the_old_one(stack: Stack, organisation: int) -> None:
    await ask(limited(stack, organisation, sub="one", jti="first"), COURSES, 60)
    assert (await limited(stack, organisation, sub="one", jti="second").get(COURSES)).status == 429


async def test_a_token_may_set_its_own_limit(stack: Stack, organisation: int) -> None:
    client = stack.client(organisation, rate_limit=2)
    assert [answer.status for answer in [await client.get(COURSES) for _ in range(3)]] == [200, 200, 429]


async def test_a_refused_request_does_nothing(stack: Stack, organisation: int, admin: Client) -> None:
    client = stack.client(organisation, rate_limit=1)
    await client.get(COURSES)
    body = {"title": "T", "category": "safety", "delivery_mode": "online", "duration_hours": 1}
    assert (await client.post(COURSES, body)).status == 429
    assert (await admin.get(COURSES)).json["meta"]["total"] == 0
