"""How many requests get in: in Redis, for all gateway processes together."""

import asyncio
import secrets
from unittest.mock import AsyncMock

import pytest
from redis.asyncio import Redis

from gateway.admission.gate import LOGOUTS
from gateway.admission.rate_limiter import Hit, Limiter
from gateway.admission.redis_client import Availability
from gateway.admission.revocation import Revocations
from gateway.admission.sliding_window import decide
from shared.errors import TokenInvalid
from tests.integration.gateway.edge import Edge, StartGateway, new_token
from tests.support.databases import redis_url
from tests.support.raw_http import exchange

COURSES = "/api/v1/training/courses"
LOGOUT = "/api/v1/auth/logout"


def limiter_on(redis: Redis, length: int = 60_000) -> tuple[Limiter, Revocations]:
    availability = Availability(redis)
    revocations = Revocations(redis, availability)
    return Limiter(redis, availability, revocations, length=length), revocations


async def test_sixty_at_once_and_the_next_one_is_refused(start_gateway: StartGateway, organisation: int) -> None:
    """Counted together, whichever process a request meets."""
    edges = [await start_gateway(), await start_gateway()]
    token = new_token(organisation, sub="ada", rate_limit=None)
    answers = await asyncio.gather(*(edges[number % 2].client(token).get(COURSES) for number in range(60)))
    assert {answer.status for answer in answers} == {200}
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"60"}
    assert sorted(int(answer.headers["X-RateLimit-Remaining"]) for answer in answers) == list(range(60))
    for edge in edges:
        refused = await edge.client(token).get(COURSES)
        assert (refused.status, refused.json["code"]) == (429, "rate_limited")
        assert 1 <= int(refused.headers["Retry-After"]) <= 61
        assert refused.headers["RateLimit"].startswith('"default";r=0;t=')
        assert refused.headers["RateLimit-Policy"] == '"default";q=60;w=60'


async def test_each_user_has_a_limit_of_their_own(edge: Edge, organisation: int) -> None:
    limited = {"rate_limit": 1}
    assert (await edge.client(new_token(organisation, sub="ada", **limited)).get(COURSES)).status == 200
    assert (await edge.client(new_token(organisation, sub="ada", **limited)).get(COURSES)).status == 429
    assert (await edge.client(new_token(organisation, sub="bob", **limited)).get(COURSES)).status == 200
    assert (await edge.client(new_token(organisation + 1, sub="ada", **limited)).get(COURSES)).status == 200


async def test_logging_out_works_when_the_minute_is_used_up(edge: Edge, organisation: int) -> None:
    stolen, kept = [edge.client(new_token(organisation, sub="ada", rate_limit=1)) for _ in range(2)]
    assert [(await stolen.get(COURSES)).status for _ in range(2)] == [200, 429]
    assert (await kept.request("POST", LOGOUT)).status == 200
    assert [(await client.get(COURSES)).status for client in (kept, stolen)] == [401, 429]
    answer = await stolen.request("POST", LOGOUT)
    assert (answer.status, answer.headers["X-RateLimit-Remaining"]) == (200, "0")
    assert (await stolen.get(COURSES)).json["code"] == "token_invalid"


async def test_logging_out_has_a_limit_too_and_gives_nobody_more_requests(edge: Edge, organisation: int) -> None:
    async def log_out() -> int:
        return (await edge.client(new_token(organisation, sub="ada", rate_limit=1)).request("POST", LOGOUT)).status

    assert [await log_out() for _ in range(LOGOUTS + 3)] == [200] * (1 + LOGOUTS) + [429] * 2
    assert (await edge.client(new_token(organisation, sub="ada", rate_limit=1)).get(COURSES)).status == 429
    assert (await edge.client(new_token(organisation, sub="bob", rate_limit=1)).request("POST", LOGOUT)).status == 200


async def test_control_without_a_limit_of_its_own_logging_out_never_ends(
    edge: Edge, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.admission.gate.LOGOUTS", 1000)
    tokens = [new_token(organisation, sub="ada", rate_limit=1) for _ in range(LOGOUTS + 3)]
    assert {(await edge.client(token).request("POST", LOGOUT)).status for token in tokens} == {200}


async def test_logging_out_needs_what_every_request_needs(edge: Edge, organisation: int) -> None:
    token = new_token(organisation, sub="ada", rate_limit=1, permissions=["training.view"])
    statuses = [(await edge.client(token).request("POST", LOGOUT)).status for _ in range(2)]
    assert statuses == [403, 403]


async def test_requests_without_a_good_token_are_limited_by_address(
    start_gateway: StartGateway, organisation: int
) -> None:
    edge = await start_gateway(address_rate_limit=3, trusted_proxies=1)
    address = {"X-Forwarded-For": f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"}
    statuses = [(await edge.client(None).request("GET", COURSES, headers=address)).status for _ in range(2)]
    statuses += [(await edge.client("x.y.z").request("GET", COURSES, headers=address)).status for _ in range(2)]
    assert statuses == [401, 401, 401, 429]
    good = await edge.client(new_token(organisation)).request("GET", COURSES, headers=address)
    assert good.status == 200


NOBODY_ASKED = {
    "an unknown path": "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
    "a wrong method": "PUT /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n\r\n",
    "an unknown method": "FOO /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n\r\n",
    "a malformed target": "GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n",
    "a login too large": "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n",
    "no HTTP": "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a target too long": f"GET /{'a' * 9000} HTTP/1.1\r\nHost: x\r\n\r\n",
    "a faulty framing": "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    "a faulty framing behind nothing": "POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n",
}
"""Refused before anybody has looked at a token."""


async def statuses_of_all(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """What each is answered the first and the second time, each from an address of its own."""
    found = {}
    for name, request in NOBODY_ASKED.items():
        address = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"
        monkeypatch.setattr("gateway.admission.gate.client_network", lambda *_, address=address: address)
        found[name] = [(await exchange(edge.url, request.encode())).answers[0].status for _ in range(2)]
    return found


async def test_what_is_refused_before_anybody_asks_for_a_token_is_limited_by_address(
    start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await statuses_of_all(await start_gateway(address_rate_limit=1), monkeypatch)
    assert {name: second for name, (_, second) in found.items()} == dict.fromkeys(NOBODY_ASKED, 429)
    assert [first for first, _ in found.values()] == [404, 405, 501, 400, 413, 400, 414, 400, 400]


async def test_control_without_counting_what_nobody_asks_about(
    start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.admission.gate.Gate.count_unadmitted", AsyncMock(return_value=None))
    found = await statuses_of_all(await start_gateway(address_rate_limit=1), monkeypatch)
    assert not any(429 in both for both in found.values())


async def test_what_a_user_asks_in_vain_counts_as_theirs(start_gateway: StartGateway, organisation: int) -> None:
    edge = await start_gateway(address_rate_limit=1)
    client = edge.client(new_token(organisation, rate_limit=3))
    assert [(await client.get(path)).status for path in (COURSES, "/nothing", "/nothing", "/nothing")] == [
        200,
        404,
        404,
        429,
    ]


async def test_a_request_is_counted_once(start_gateway: StartGateway) -> None:
    edge = await start_gateway(address_rate_limit=3, trusted_proxies=1)
    address = {"X-Forwarded-For": f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"}
    paths = (COURSES, "/nothing", "/api/v1/auth/me", "/nothing")
    answers = [await edge.client(None).request("GET", path, headers=address) for path in paths]
    assert [answer.status for answer in answers] == [401, 404, 401, 429]
    assert (await edge.client(None).request("GET", "/health/live", headers=address)).status == 200


async def test_the_script_and_the_arithmetic_decide_alike() -> None:
    """Over many short windows, by Redis's own clock; the pauses come from the round trips."""
    async with Redis.from_url(redis_url()) as redis:
        limiter, _ = limiter_on(redis, length=7)
        key, window = f"rate:test:{secrets.token_hex(8)}", None
        windows_seen: set[int] = set()
        refused = 0
        while len(windows_seen) < 30:
            decision = await limiter.hit(Hit(key, 5))
            expected = decide(window, decision.now, 5, 7)
            assert decision == expected
            window = expected.window if decision.admitted else window  # Redis keeps nothing of a refusal
            windows_seen.add(expected.window.start)
            refused += not decision.admitted
        assert refused


async def test_requests_of_one_key_in_one_batch_are_decided_one_after_the_other() -> None:
    async with Redis.from_url(redis_url()) as redis:
        limiter, _ = limiter_on(redis)
        keys = [f"rate:test:{secrets.token_hex(8)}" for _ in range(2)]
        hits = [Hit(keys[number % 2], 10) for number in range(60)]
        decisions = await asyncio.gather(*map(limiter.hit, hits))
        for at in range(2):
            own = decisions[at::2]
            assert [decision.admitted for decision in own] == [True] * 10 + [False] * 20
            assert [decision.window.current for decision in own] == [*range(1, 11), *[10] * 20]


async def test_one_request_may_count_several_times_in_a_row() -> None:
    async with Redis.from_url(redis_url()) as redis, asyncio.timeout(10):
        limiter, _ = limiter_on(redis)
        key = f"rate:test:{secrets.token_hex(8)}"
        assert [(await limiter.hit(Hit(key, 5))).remaining for _ in range(5)] == [4, 3, 2, 1, 0]


async def test_a_window_leaves_redis_by_itself() -> None:
    async with Redis.from_url(redis_url()) as redis:
        limiter, _ = limiter_on(redis)
        key = f"rate:test:{secrets.token_hex(8)}"
        await limiter.hit(Hit(key, 5))
        assert 110_000 < await redis.pttl(key) <= 120_000


async def test_a_revoked_token_is_refused_in_the_same_call_and_not_counted() -> None:
    async with Redis.from_url(redis_url()) as redis:
        limiter, _ = limiter_on(redis)
        _, elsewhere = limiter_on(redis)
        key, token_id = f"rate:test:{secrets.token_hex(8)}", secrets.token_hex(8)
        hit = Hit(key, 5, token_id, 4_000_000_000)
        assert (await limiter.hit(hit)).admitted
        await elsewhere.revoke(token_id, 4_000_000_000)
        with pytest.raises(TokenInvalid, match="revoked"):
            await limiter.hit(hit)
        assert await redis.hget(key, "current") == b"1"
