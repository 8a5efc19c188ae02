"""A gateway whose clock is five minutes off: tokens have their leeway and no more, and limits go by Redis's clock."""

import time

import pytest

from tests.integration.gateway.edge import Edge, new_token

COURSES = "/api/v1/training/courses"
OFF = [-300, 300]
TWO_WINDOWS = 121
"""Seconds, and one to round up: after them a limit that was used up has room again."""


@pytest.mark.parametrize("off", OFF)
async def test_limits_go_by_the_clock_of_redis(
    edge: Edge, organisation: int, monkeypatch: pytest.MonkeyPatch, off: int
) -> None:
    """By the gateway's own clock a new window would begin, or the old one never end."""
    now, token = time.time, new_token(organisation, rate_limit=3, exp=int(time.time()) + 3600)
    assert [(await edge.client(token).get(COURSES)).status for _ in range(2)] == [200, 200]
    monkeypatch.setattr("gateway.admission.rate_limiter._now", lambda: int((now() + off) * 1000))
    answers = [await edge.client(token).get(COURSES) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 429]
    assert abs(int(answers[0].headers["X-RateLimit-Reset"]) - now()) <= TWO_WINDOWS


async def test_control_alone_a_gateway_counts_by_its_own_clock(
    edge: Edge, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, token = time.time, new_token(organisation, rate_limit=1)
    monkeypatch.setattr("gateway.admission.redis_client.Availability.__bool__", lambda _: False)
    assert (await edge.client(token).get(COURSES)).status == 200
    monkeypatch.setattr("gateway.admission.rate_limiter._now", lambda: int((now() + 300) * 1000))
    answer = await edge.client(token).get(COURSES)
    assert answer.status == 200
    assert abs(int(answer.headers["X-RateLimit-Reset"]) - now()) > TWO_WINDOWS


async def test_a_token_has_its_leeway_and_no_more(edge: Edge, organisation: int) -> None:
    now = int(time.time())
    ended_lately, ended_long_ago = [new_token(organisation, iat=now - 900, exp=now - ago) for ago in (20, 300)]
    assert (await edge.client(ended_lately).get(COURSES)).status == 200
    answer = await edge.client(ended_long_ago).get(COURSES)
    assert (answer.status, answer.json["code"]) == (401, "token_expired")
    assert (await edge.client(new_token(organisation, iat=now + 300, exp=now + 900)).get(COURSES)).status == 401


async def test_control_with_more_leeway_it_would_be_let_in(
    edge: Edge, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.auth.internal_token.LEEWAY", 600)
    monkeypatch.setattr("gateway.auth.client_token.LEEWAY", 600)
    now = int(time.time())
    assert (await edge.client(new_token(organisation, iat=now - 900, exp=now - 300)).get(COURSES)).status == 200
