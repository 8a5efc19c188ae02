"""Whole requests with a few bytes changed, through the socket: an answer or a close, nothing smuggled, no hang."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence

import jwt
import pytest
from aiohttp import web
from multidict import CIMultiDict

from gateway.app import create_gateway
from gateway.settings import GatewaySettings
from shared.auth.internal_token import bearer_token
from tests.fuzz.effort import LONG
from tests.fuzz.mutation import NASTY
from tests.integration.gateway.edge import NOWHERE, Upstream, new_token, settings
from tests.security.corpus import COURSES, EMPLOYEES, ENROLLMENTS, Service
from tests.security.keys import keys_of
from tests.support.internal_keys import verifier
from tests.support.raw_http import Exchange, exchange, is_alive
from tests.support.stack import Stack, serving

REQUESTS = 5_000 if LONG else 300
AT_ONCE = 16
PATIENCE = 0.2
ORGANISATION = 7
SMUGGLED = "/api/v1/training/sessions"
"""No request of these is for this path; bodies hold one that is, without a token."""
INNER = f"DELETE {SMUGGLED}/1 HTTP/1.1\r\nHost: x\r\n\r\n"
PATHS: dict[Service, str] = {"catalog": COURSES, "enrollment": ENROLLMENTS, "history": f"{EMPLOYEES}/7/training"}
_HEAD = "Host: muster.example\r\nAuthorization: Bearer <token>\r\nX-Request-Id: fuzz-<number>\r\n"
_POST = f"POST {COURSES} HTTP/1.1\r\n{_HEAD}Content-Type: application/json\r\n"
TEMPLATES = [
    f"GET {COURSES}?page=1&search=a%20b HTTP/1.1\r\n{_HEAD}Accept: */*\r\n\r\n",
    f'GET {COURSES}/5 HTTP/1.1\r\n{_HEAD}If-None-Match: "1-0a1b2c3d"\r\nConnection: keep-alive\r\n\r\n',
    f"GET {COURSES} HTTP/1.1\r\n{_HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    f'{_POST}Content-Length: 12\r\n\r\n{{"title": 1}}',
    f"{_POST}Content-Length: {len(INNER)}\r\n\r\n{INNER}",
    f"{_POST}Transfer-Encoding: chunked\r\n\r\n{len(INNER):x}\r\n{INNER}\r\n0\r\n\r\n",
    f"{_POST}Transfer-Encoding: chunked\r\nTrailer: X-Note\r\n\r\n2;a=b\r\n{{}}\r\n0\r\nX-Note: x\r\n\r\n",
    f"{_POST}Content-Length: 2\r\nIdempotency-Key: k-<number>\r\n\r\n{{}}",
]
PIECES = [
    *(nasty.encode("utf-8", "replace") for nasty in NASTY), INNER.encode(), b"\r\n\r\n", b"Content-Length: 0\r\n",
    b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"\r\nTransfer-Encoding: x\r\n", b" HTTP/1.0\r\n",
    b"Host: y\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n",
]  # fmt: skip


def mutants(seed: int, token: str, path: str = COURSES) -> Iterator[bytes]:
    """Requests without end, the same for one seed."""
    chance = random.Random(seed)
    while True:
        # Wide enough that two stay apart when one of them loses a digit.
        number = f"{chance.getrandbits(128):032x}"
        template = chance.choice(TEMPLATES).replace(COURSES, path)
        text = template.replace("<token>", token).replace("<number>", number)
        octets = bytearray(text.encode())
        for _ in range(chance.randint(1, 3)):
            start = chance.randrange(len(octets))
            piece = chance.choice(PIECES) if chance.random() < 0.6 else chance.randbytes(chance.randint(0, 3))
            octets[start : start + chance.randint(0, 8)] = piece
        yield bytes(octets)


@pytest.fixture
def seed() -> int:
    return random.SystemRandom().randrange(10**9) if LONG else 1


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "shared.http.body.BODY_TIMEOUT",
        "shared.http.server.connection.HEAD_TIMEOUT",
        "shared.http.server.connection.LINGER",
    ):
        monkeypatch.setattr(name, PATIENCE)


async def for_the_one_organisation(request: web.Request) -> web.StreamResponse:
    """What the gateway says of the caller is looked at once it says it: it is good for a minute."""
    token = bearer_token(request.headers.getall("Authorization"))
    service = jwt.decode(token, options={"verify_signature": False})["aud"]
    assert verifier(service).verify(token).organisation_id == ORGANISATION
    return web.json_response({"data": []})


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    recorder = Upstream()
    app = web.Application()
    recorder.answer = for_the_one_organisation
    app.router.add_route("*", "/{path:.*}", recorder.handle)
    async with serving(app) as recorder.url:
        yield recorder


async def answers_to(url: str, requests: Sequence[bytes]) -> list[Exchange]:
    """What came of each; raises for what is no HTTP, and when the server neither answers nor closes."""
    places = asyncio.Semaphore(AT_ONCE)

    async def send(request: bytes) -> Exchange:
        async with places:
            try:
                return await exchange(url, request)
            except (AssertionError, TimeoutError) as error:
                raise AssertionError(f"{error!r} after {request!r}") from error

    return await asyncio.gather(*map(send, requests))


def taken(generator: Iterator[bytes], count: int) -> list[bytes]:
    return [next(generator) for _ in range(count)]


def check(request: bytes, came: Exchange) -> None:
    """At most one answer for each request line there is, and none that reports a defect."""
    assert len(came.answers) <= request.count(b"HTTP/1.") + request.count(b"\r\n\r\n") + 1, request
    for answer in came.answers:
        assert answer.status < 500 or answer.status == 501, (request, answer)
        assert "aiohttp" not in str(answer.headers), (request, answer)


async def test_the_gateway_answers_or_closes_and_lets_nothing_through(upstream: Upstream, seed: int) -> None:
    app = create_gateway(GatewaySettings(**settings(upstream.url, NOWHERE)))
    requests = taken(mutants(seed, new_token(ORGANISATION, sub="fuzz")), REQUESTS)
    async with serving(app) as url:
        exchanges = await answers_to(url, requests)
        assert await is_alive(url)
    for request, came in zip(requests, exchanges, strict=True):
        check(request, came)
    good = sum(answer.status == 200 for came in exchanges for answer in came.answers)
    assert 0 < len(upstream.received) <= good, f"seed {seed}"
    check_received(upstream)


def check_received(upstream: Upstream) -> None:
    """Each came once, and with no header of the gateway's own that a client has written."""
    ids = [CIMultiDict(received.headers)["X-Request-Id"] for received in upstream.received]
    assert len(set(ids)) == len(ids)
    for received in upstream.received:
        names = [name.lower() for name, _ in received.headers]
        assert names.count("authorization") == names.count("x-request-id") == names.count("host") == 1, received
        assert not received.target.startswith(SMUGGLED), received
        assert "transfer-encoding" not in names, received


@pytest.mark.parametrize("service", PATHS)
async def test_a_service_answers_or_closes(stack: Stack, organisation: int, seed: int, service: Service) -> None:
    url, token = stack.url_of(service), keys_of(service, organisation).good()
    requests = taken(mutants(seed + 1, token, PATHS[service]), REQUESTS)
    for request, came in zip(requests, await answers_to(url, requests), strict=True):
        check(request, came)
    assert await is_alive(url)


async def test_control_a_server_that_answers_twice_is_noticed() -> None:
    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * 4)
        writer.close()

    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    server = await asyncio.start_server(twice, "127.0.0.1", 0)
    async with server:
        [came] = await answers_to(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", [request])
    with pytest.raises(AssertionError):
        check(request, came)
