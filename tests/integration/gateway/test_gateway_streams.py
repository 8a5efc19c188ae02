"""The lane: answers and bodies that pass the gateway in pieces, and how they end."""

from collections.abc import AsyncIterator

import pytest

from shared.errors import Unavailable
from shared.http.request import Request
from shared.http.responses import Answer
from tests.integration.gateway.edge import StartGateway
from tests.integration.gateway.lane import PATH, asked, endless, silent, waits
from tests.integration.gateway.test_gateway_answer_framing import raw_service
from tests.support.eventually import eventually
from tests.support.streams import Source, connection, read_of, read_until, streaming, unchunked

pytestmark = pytest.mark.usefixtures("lane")


async def three(_: Request) -> AsyncIterator[bytes]:
    yield b"one"
    yield b"two"
    yield b"x" * 200_000


async def failing(_: Request) -> AsyncIterator[bytes]:
    yield b"x" * 100_000
    raise Unavailable


@pytest.mark.parametrize("more", ["", "TE: trailers\r\n"], ids=["fast path", "standard path"])
async def test_an_answer_in_chunks_passes(start_gateway: StartGateway, token: str, more: str) -> None:
    async with streaming(Source(three)) as service:
        edge = await start_gateway(catalog_url=service.url)
        read = await read_of(edge.url, asked(token, more), until=b"\r\n0\r\n\r\n")
    assert unchunked(read.body) == b"onetwo" + b"x" * 200_000
    assert read.head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert read.head.count(b"Transfer-Encoding") == 1
    assert b"Content-Length" not in read.head
    assert b"X-Own: 1" in read.head
    assert b"Vary: Authorization" in read.head
    assert b"X-RateLimit-Remaining: " in read.head
    [request] = service.requests
    assert request.target.raw == f"{PATH}?a=%20b"
    assert list(request.own.deadlines) == ["30000"]
    assert token not in request.headers["Authorization"]


@pytest.mark.parametrize("length", [300, 300_000])
async def test_an_answer_with_its_length_passes(start_gateway: StartGateway, token: str, length: int) -> None:
    async def all_of_it(_: Request) -> AsyncIterator[bytes]:
        yield b"x" * length

    async with streaming(Source(all_of_it, length=length)) as service:
        edge = await start_gateway(catalog_url=service.url)
        read = await read_of(edge.url, asked(token, "Connection: close\r\n"))
    assert b"Content-Length: %d\r\n" % length in read.head + b"\r\n"
    assert (read.body, read.reset) == (b"x" * length, False)


async def test_a_head_passes_without_its_body(start_gateway: StartGateway, token: str) -> None:
    source = Source(endless)
    async with streaming(source) as service:
        edge = await start_gateway(catalog_url=service.url)
        read = await read_of(edge.url, asked(token, "Connection: close\r\n", method="HEAD"))
        assert read.head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert read.body == b""
        await eventually(source.has_ended)


async def test_an_ordinary_answer_passes(start_gateway: StartGateway, token: str) -> None:
    """One that waits for news and finds some; one that is an error."""

    async with streaming(Source(three)) as service:
        answers: list[Answer | Exception] = [Answer('{"data": []}'), Unavailable(), Answer("", 204)]

        async def answer(request: Request) -> Answer:
            service.responder.begin_stream(request)
            first = answers.pop(0)
            if isinstance(first, Exception):
                raise first
            return first

        service.reply = answer
        edge = await start_gateway(catalog_url=service.url)
        found = [await edge.client(token).get(PATH) for _ in range(3)]
    assert [answer.status for answer in found] == [200, 503, 204]
    assert found[0].json == {"data": []}


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("length", [None, 200_000], ids=["in chunks", "with a length"])
async def test_a_service_that_fails_in_the_middle_leaves_an_incomplete_answer(
    start_gateway: StartGateway, token: str, length: int | None, version: str
) -> None:
    async with streaming(Source(failing, length=length)) as service:
        edge = await start_gateway(catalog_url=service.url)
        read = await read_of(edge.url, asked(token, version=version))
    assert read.head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert read.reset
    assert not read.has_last_chunk


async def test_a_short_one_is_an_error(start_gateway: StartGateway, token: str) -> None:
    async with raw_service(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun") as service:
        service.closes = True
        edge = await start_gateway(catalog_url=service.url)
        answer = await edge.client(token).get(PATH)
    assert (answer.status, answer.json["code"]) == (502, "upstream_failed")


async def test_nobody_listens(start_gateway: StartGateway, token: str) -> None:
    edge = await start_gateway(catalog_url="http://127.0.0.1:1")
    answer = await edge.client(token).get(PATH)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize("more", ["", "TE: trailers\r\n"], ids=["fast path", "standard path"])
@pytest.mark.parametrize("answers", [True, False], ids=["a stream", "a wait"])
async def test_a_client_that_goes_away_ends_it_at_the_service(
    start_gateway: StartGateway, token: str, more: str, answers: bool
) -> None:
    source = Source(silent)
    async with streaming(source) as service:
        if not answers:
            service.reply = waits(service)
        edge = await start_gateway(catalog_url=service.url)
        async with connection(edge.url, asked(token, more)) as made:
            await eventually(service.is_open)
            if answers:
                await read_until(made, b"one")
        await eventually(service.has_no_slots)
