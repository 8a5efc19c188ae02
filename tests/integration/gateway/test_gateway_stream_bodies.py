"""Bodies that pass the gateway in pieces: whole, or seen to be incomplete."""

import asyncio
from collections.abc import Callable

import pytest

from shared.errors import PayloadTooLarge
from shared.http.request import Request
from shared.http.responses import Answer
from tests.integration.gateway.edge import StartGateway
from tests.integration.gateway.lane import MOST, asked, counts
from tests.support.eventually import eventually
from tests.support.raw_http import exchange
from tests.support.streams import Source, connection, read_of, read_until, streaming, three

pytestmark = pytest.mark.usefixtures("lane")
Framing = Callable[[bytes], tuple[str, bytes]]
BODY = bytes(range(256)) * (MOST // 256)


def announced(body: bytes, length: int | None = None) -> tuple[str, bytes]:
    return f"Content-Length: {len(body) if length is None else length}\r\n", body


def in_chunks(body: bytes, size: int = 100_000) -> tuple[str, bytes]:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return "Transfer-Encoding: chunked\r\n", framed + b"0\r\n\r\n"


@pytest.mark.parametrize("framed", [announced, in_chunks])
@pytest.mark.parametrize("body", [b"", b"small", BODY], ids=["empty", "small", "large"])
async def test_a_body_arrives_as_it_was_sent(
    start_gateway: StartGateway, token: str, body: bytes, framed: Framing
) -> None:
    bodies: list[bytes] = []
    async with streaming(Source(three)) as service:
        service.reply = counts(service, bodies)
        edge = await start_gateway(catalog_url=service.url)
        more, sent = framed(body)
        [answer] = (await exchange(edge.url, asked(token, more, method="POST") + sent)).answers
    assert (answer.status, answer.json) == (200, {"bytes": len(body)})
    assert bodies == [body]
    [request] = service.requests
    assert request.announced_bytes() == (None if framed is in_chunks and body else len(body))


@pytest.mark.parametrize("framed", [announced, in_chunks])
async def test_one_byte_too_many_is_refused(start_gateway: StartGateway, token: str, framed: Framing) -> None:
    bodies: list[bytes] = []
    async with streaming(Source(three)) as service:
        service.reply = counts(service, bodies)
        edge = await start_gateway(catalog_url=service.url)
        more, sent = framed(BODY + b"x")
        [answer] = (await exchange(edge.url, asked(token, more, method="POST") + sent)).answers
        await eventually(service.has_no_slots)
    assert (answer.status, answer.json["code"]) == (413, "payload_too_large")
    assert bodies == []


@pytest.mark.parametrize(
    ("more", "sent"),
    [announced(b"begun", 1000), ("Transfer-Encoding: chunked\r\n", b"5\r\nbegun\r\n")],
    ids=["announced", "in chunks"],
)
async def test_a_client_that_goes_away_leaves_the_service_an_incomplete_body(
    start_gateway: StartGateway, token: str, more: str, sent: bytes
) -> None:
    bodies: list[bytes] = []
    async with streaming(Source(three)) as service:
        service.reply = counts(service, bodies)
        edge = await start_gateway(catalog_url=service.url)
        async with connection(edge.url, asked(token, more, method="POST") + sent):
            await eventually(service.is_open)
        await eventually(service.has_no_slots)
    assert bodies == []


async def test_a_malformed_one_too(start_gateway: StartGateway, token: str) -> None:
    bodies: list[bytes] = []
    async with streaming(Source(three)) as service:
        service.reply = counts(service, bodies)
        edge = await start_gateway(catalog_url=service.url)
        head = asked(token, "Transfer-Encoding: chunked\r\n", method="POST")
        async with connection(edge.url, head + b"5\r\nbegun\r\n") as made:
            await eventually(service.is_open)
            await asyncio.get_running_loop().sock_sendall(made, b"no size\r\n")
            assert (await read_until(made, b"}")).startswith(b"HTTP/1.1 400 ")
        await eventually(service.has_no_slots)
    assert bodies == []


async def test_a_client_that_pauses_is_given_up(
    start_gateway: StartGateway, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.http.request.STALL_TIMEOUT", 0.2)
    async with streaming(Source(three)) as service:
        service.reply = counts(service, [])
        edge = await start_gateway(catalog_url=service.url)
        more, sent = announced(b"begun", 1000)
        read = await read_of(edge.url, asked(token, more, method="POST") + sent)
        await eventually(service.has_no_slots)
    assert read.head.startswith(b"HTTP/1.1 408 ")


async def test_an_answer_that_comes_early_passes_at_once(start_gateway: StartGateway, token: str) -> None:
    """Before the body has ended, of which nothing more is sent on then."""

    async with streaming(Source(three)) as service:

        async def refuse(request: Request) -> Answer:
            service.responder.begin_stream(request)
            raise PayloadTooLarge

        service.reply = refuse
        edge = await start_gateway(catalog_url=service.url)
        more, sent = announced(b"begun", 1000)
        async with connection(edge.url, asked(token, more, method="POST") + sent) as made:
            assert (await read_until(made, b"}")).startswith(b"HTTP/1.1 413 ")


async def test_a_service_that_reads_late_gets_all_of_it(start_gateway: StartGateway, token: str) -> None:
    go_on = asyncio.Event()
    async with streaming(Source(three)) as service:

        async def slow(request: Request) -> Answer:
            service.responder.begin_stream(request)
            request.most_bytes = MOST
            await go_on.wait()
            return Answer(str(sum([len(chunk) async for chunk in request.chunks()])))

        service.reply = slow
        edge = await start_gateway(catalog_url=service.url)
        more, sent = announced(BODY)
        async with connection(edge.url, asked(token, more, method="POST")) as made:
            await eventually(service.is_open)
            sending = asyncio.ensure_future(asyncio.get_running_loop().sock_sendall(made, sent))
            go_on.set()
            await sending
            assert (await read_until(made, str(MOST).encode())).startswith(b"HTTP/1.1 200 ")
