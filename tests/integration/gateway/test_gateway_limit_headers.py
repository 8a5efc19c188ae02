"""Every response to a valid token says what is left of its limit, whatever it refuses, and every request counts."""

import secrets
from typing import Any

import pytest

from gateway.admission.rate_limiter import Limiter
from shared.auth.jws import signed_payload
from shared.http.server.simple_request import SimpleRequestParser
from tests.integration.gateway.edge import LIMIT_HEADERS, NOWHERE, Edge, StartGateway, new_token
from tests.support.raw_http import RawAnswer, exchange

COURSES = "/api/v1/training/courses"
LOGOUT = "/api/v1/auth/logout"
NAMES = {name.lower() for name in LIMIT_HEADERS}
REFUSED = {
    "an unknown path": ("GET /nothing", "", 404),
    "the HEAD of one": ("HEAD /nothing", "", 404),
    "a method that a public path does not have": ("PUT /api/v1/auth/login", "", 405),
    "a method that health does not have": ("POST /health/live", "", 405),
    "a query that health does not have": ("GET /health/live?x=1", "", 422),
    "a logout with a field": (f"POST {LOGOUT}", '{"x":1}', 422),
    "a logout that is no JSON": (f"POST {LOGOUT}", "{", 400),
    "an unknown method": ("FOO /nothing", "", 501),
    "a malformed target": ("GET /a/../b", "", 400),
    "a body that anybody may send, too large": ("POST /api/v1/auth/login", "x" * 9000, 413),
    "a body of a user, too large": (f"POST {COURSES}", "x" * (2**20 + 1), 413),
}
"""Line, body and status."""


@pytest.fixture(params=["fast", "standard"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of both parsers reads the requests."""
    if request.param == "standard":
        monkeypatch.setattr(SimpleRequestParser, "parse", lambda *_: None)


async def asked(edge: Edge, token: str, line: str, body: str = "", headers: str = "") -> RawAnswer:
    more = f"{headers}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else headers
    head = f"{line} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
    [answer] = (await exchange(edge.url, (head + body).encode(), to_head=line.startswith("HEAD"))).answers
    return answer


def an_address() -> str:
    return f"X-Forwarded-For: 2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1\r\n"


@pytest.mark.parametrize(("line", "body", "status"), REFUSED.values(), ids=REFUSED)
async def test_a_refusal_has_them_with_the_first_request_of_a_token(
    edge: Edge, organisation: int, path: None, line: str, body: str, status: int
) -> None:
    """It counts for the user: the first of three, and after the third the next is 429."""
    token = new_token(organisation, rate_limit=3)
    answers = [await asked(edge, token, line, body) for _ in range(4 if "logout" not in line else 3)]
    assert [answer.status for answer in answers] == [*[status] * 3, 429][: len(answers)]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"][: len(answers)]
    assert all(set(answer.headers) >= NAMES for answer in answers)


@pytest.mark.parametrize(("line", "body", "status"), REFUSED.values(), ids=REFUSED)
async def test_without_a_valid_token_there_is_none_of_them(
    edge: Edge, path: None, line: str, body: str, status: int
) -> None:
    answer = await asked(edge, "x.y.z", line, body)
    assert answer.status == (status if LOGOUT not in line and COURSES not in line else 401)
    assert NAMES.isdisjoint(answer.headers)


@pytest.mark.parametrize("asked_for", ["/nothing", COURSES])
async def test_a_revoked_token_counts_for_its_address_alone(
    start_gateway: StartGateway, organisation: int, asked_for: str
) -> None:
    edge, address, token = await start_gateway(trusted_proxies=1), an_address(), new_token(organisation)
    assert (await asked(edge, token, f"POST {LOGOUT}", headers=address)).status == 200
    answer = await asked(edge, token, f"GET {asked_for}", headers=address)
    assert answer.status == (404 if asked_for == "/nothing" else 401)
    assert NAMES.isdisjoint(answer.headers)


async def test_a_token_without_access_has_them(edge: Edge, organisation: int) -> None:
    answer = await asked(edge, new_token(organisation, permissions=["training.view"]), f"GET {COURSES}")
    assert answer.status == 403
    assert set(answer.headers) >= NAMES


async def test_while_a_service_is_away_they_are_there(start_gateway: StartGateway, token: str) -> None:
    answer = await asked(await start_gateway(catalog_url=NOWHERE), token, f"GET {COURSES}")
    assert answer.status == 503
    assert set(answer.headers) >= NAMES


async def test_a_refusal_by_the_limit_agrees_with_itself(edge: Edge, organisation: int, path: None) -> None:
    token = new_token(organisation, rate_limit=1)
    for line in (f"GET {COURSES}", "GET /nothing", f"GET {COURSES}"):
        answer = await asked(edge, token, line)
    assert answer.status == 429
    wait = answer.headers["retry-after"]
    assert answer.headers["ratelimit"] == f'"default";r=0;t={wait}'
    assert f"Try again in {wait} seconds" in answer.json["message"]


async def test_a_logout_refused_by_the_limit_agrees_with_itself(
    edge: Edge, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.admission.gate.LOGOUTS", 1)
    tokens = [new_token(organisation, sub="ada", rate_limit=1) for _ in range(3)]
    answers = [await asked(edge, token, f"POST {LOGOUT}") for token in tokens]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].headers["ratelimit"] == f'"default";r=0;t={answers[2].headers["retry-after"]}'


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signatures were verified."""
    tokens: list[str] = []

    def noting(token: str, key: Any, algorithm: str) -> bytes:
        tokens.append(token)
        return signed_payload(token, key, algorithm)

    monkeypatch.setattr("gateway.auth.client_token.signed_payload", noting)
    return tokens


async def forged_ones(start_gateway: StartGateway, organisation: int) -> tuple[Edge, str]:
    """Five tokens of nobody from one address that may send three; the gateway, and the address."""
    edge, address = await start_gateway(address_rate_limit=3, trusted_proxies=1), an_address()
    good = new_token(organisation)
    forged = [f"{good.rpartition('.')[0]}.{secrets.token_urlsafe(32)}" for _ in range(5)]
    answers = [await asked(edge, token, "GET /nothing", headers=address) for token in forged]
    assert [answer.status for answer in answers] == [404] * 3 + [429] * 2
    return edge, address


async def test_strangers_have_no_more_verified_than_their_address_may_send(
    start_gateway: StartGateway, organisation: int, verified: list[str]
) -> None:
    edge, address = await forged_ones(start_gateway, organisation)
    assert len(verified) == 3
    known = new_token(organisation)
    assert (await asked(edge, known, f"GET {COURSES}", headers=address)).status == 200
    assert (await asked(edge, known, "GET /nothing", headers=address)).status == 404


async def test_control_without_asking_whether_the_address_has_room(
    start_gateway: StartGateway, organisation: int, verified: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Limiter, "would_admit", lambda *_: True)
    await forged_ones(start_gateway, organisation)
    assert len(verified) == 5
