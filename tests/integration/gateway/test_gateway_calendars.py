"""The gateway's part of calendars: whom it counts, what it asks of enrollment, and what it does when that fails."""

import hashlib
import secrets

import pytest
from aiohttp import web

from gateway.admission.gate import Gate
from tests.integration.gateway.edge import NOWHERE, Edge, StartGateway, Upstream, new_token

SECRET = "s3cr3t_-" * 5 + "abc"
PATH = f"/calendars/{SECRET}.ics"
COURSES = "/api/v1/training/courses"


async def test_enrollment_is_asked_by_the_hash(edge: Edge, upstream: Upstream) -> None:
    assert (await edge.client("a token").request("GET", PATH, headers={"If-None-Match": '"x"'})).status == 200
    [received] = upstream.received
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    assert (received.method, received.target) == ("GET", f"/internal/calendars?digest={digest}")
    headers = {name.lower(): value for name, value in received.headers}
    assert headers["if-none-match"] == '"x"'
    assert headers["authorization"].startswith("Bearer ey")
    assert SECRET not in str(received)


async def test_a_calendar_is_no_answer_to_a_token(edge: Edge) -> None:
    answer = await edge.client().request("GET", PATH)
    assert "Vary" not in answer.headers
    assert not [name for name in answer.headers if "ratelimit" in name.lower()]


def new_address() -> str:
    """Of nobody whom another test has counted."""
    return f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"


async def asked(edge: Edge, count: int, address: str, path: str = PATH) -> list[int]:
    headers = {"X-Forwarded-For": address}
    return [(await edge.client().request("GET", path, headers=headers)).status for _ in range(count)]


async def test_an_address_reads_so_many_a_minute(start_gateway: StartGateway) -> None:
    edge = await start_gateway(address_rate_limit=3, trusted_proxies=1)
    address = new_address()
    assert await asked(edge, 4, address) == [200] * 3 + [429]
    assert await asked(edge, 1, new_address()) == [200]
    refused = await edge.client().request("GET", PATH, headers={"X-Forwarded-For": address})
    assert (refused.json["code"], int(refused.headers["Retry-After"]) >= 1) == ("rate_limited", True)


async def test_control_without_the_count_an_address_reads_on(
    start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def uncounted(*_: object) -> None:
        return

    monkeypatch.setattr(Gate, "require_room_to_read", uncounted)
    edge = await start_gateway(address_rate_limit=3, trusted_proxies=1)
    assert await asked(edge, 6, new_address()) == [200] * 6


async def test_calendars_and_other_requests_are_counted_apart(start_gateway: StartGateway) -> None:
    edge = await start_gateway(address_rate_limit=3, trusted_proxies=1)
    address = new_address()
    assert await asked(edge, 4, address, COURSES) == [401] * 3 + [429]
    assert await asked(edge, 4, address) == [200] * 3 + [429]


async def test_what_has_not_the_form_of_an_address_reaches_nobody(
    start_gateway: StartGateway, upstream: Upstream
) -> None:
    edge = await start_gateway(address_rate_limit=3, trusted_proxies=1)
    assert await asked(edge, 4, new_address(), "/calendars/short.ics") == [404] * 3 + [429]
    assert upstream.received == []


async def test_while_enrollment_is_away(start_gateway: StartGateway) -> None:
    edge = await start_gateway(enrollment_url=NOWHERE)
    answer = await edge.client().request("GET", PATH)
    assert (answer.status, answer.json["code"]) == (503, "upstream_unavailable")
    assert answer.headers["Retry-After"]


async def test_a_refused_internal_token_is_no_fault_of_the_client(edge: Edge, upstream: Upstream) -> None:
    async def refuses(_: web.Request) -> web.StreamResponse:
        return web.json_response({"code": "token_invalid"}, status=401)

    upstream.answer = refuses
    assert (await edge.client().request("GET", PATH)).status == 502


async def test_a_good_token_does_not_lift_the_limit(start_gateway: StartGateway, organisation: int) -> None:
    edge = await start_gateway(address_rate_limit=1, trusted_proxies=1)
    client, headers = edge.client(new_token(organisation)), {"X-Forwarded-For": new_address()}
    assert [(await client.request("GET", PATH, headers=headers)).status for _ in range(2)] == [200, 429]
