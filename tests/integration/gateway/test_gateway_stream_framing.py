"""Where a streamed answer ends: what a service sends around it reaches no client, and what has no end is incomplete."""

import pytest

from gateway.upstream.http_client import MAX_HEADERS
from tests.integration.gateway.edge import StartGateway
from tests.integration.gateway.lane import asked
from tests.integration.gateway.test_gateway_answer_framing import (
    BEHIND,
    BROKEN,
    COMPLETE,
    HEADERS_AT_THE_LIMIT,
    raw_service,
)
from tests.support.raw_http import PROBE
from tests.support.streams import Read, connection, read_all, read_of, unchunked

pytestmark = pytest.mark.usefixtures("lane")
LARGE = b"x" * 100_000
"""More than is waited for."""
STREAMED = COMPLETE | {
    "long": b"HTTP/1.1 200 OK\r\nX-Row: 1\r\nContent-Length: 100000\r\n\r\n" + LARGE,
    "interim answers before it": b"HTTP/1.1 103 Early Hints\r\nX-Half: 1\r\n\r\n" * 3 + COMPLETE["chunks"],
    "trailers": COMPLETE["chunks"].removesuffix(b"\r\n") + b"Set-Cookie: late=1\r\n\r\n",
    "chunk extensions": b"HTTP/1.1 200 OK\r\nX-Row: 1\r\nTransfer-Encoding: chunked\r\n\r\na;x=1\r\n"
    b'{"id": 16}\r\n0\r\n\r\n',
}
HEAD = b"HTTP/1.1 200 OK\r\nX-Row: 1\r\n"
NONE = {name: broken for name, broken in BROKEN.items() if name != "trailers without end"} | {
    "no end": HEAD + b"\r\n{}",
    "both framings": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "the other order": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}1",
    "a length that is none": HEAD + b"Content-Length: +2\r\n\r\n{}",
    "another coding": HEAD + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "a coding too many": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "nothing": b"",
    "half a head": HEAD,
    "a short one that ends early": HEAD + b"Content-Length: 10\r\n\r\n{}",
}
CHUNKS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
INCOMPLETE = {
    "a long one that ends early": HEAD + b"Content-Length: 100000\r\n\r\n" + LARGE[1:],
    "no last chunk": CHUNKS + b"3\r\none\r\n",
    "half a last chunk": CHUNKS + b"3\r\none\r\n0\r\n",
    "half a chunk": CHUNKS + b"3\r\non",
    "a chunk's size that is none": CHUNKS + b"3\r\none\r\nzz\r\n",
    "data longer than their size": CHUNKS + b"3\r\nones\r\n0\r\n\r\n",
    "trailers without end": BROKEN["trailers without end"],
}


async def read_from(start_gateway: StartGateway, token: str, answer: bytes) -> Read:
    """What a client gets of this, over a connection that then takes another request or does not."""
    async with raw_service(answer) as service:
        service.closes = True
        edge = await start_gateway(catalog_url=service.url)
        return await read_of(edge.url, asked(token), until=b"\r\n\r\n", then=PROBE)


@pytest.mark.parametrize("behind", [b"", *BEHIND.values()], ids=["nothing", *BEHIND])
@pytest.mark.parametrize("complete", STREAMED.values(), ids=STREAMED)
async def test_bytes_behind_an_answer_reach_nobody(
    start_gateway: StartGateway, token: str, complete: bytes, behind: bytes
) -> None:
    read = await read_from(start_gateway, token, complete + behind)
    assert b"X-Row: 1" in read.head
    assert b"Set-Cookie" not in read.received
    assert b"X-Half" not in read.received
    own, _, of_probe = read.body.partition(b"HTTP/1.1 200 OK\r\n")
    assert of_probe.endswith(b'{"status": "live"}')
    body = unchunked(own) if b"Transfer-Encoding: chunked" in read.head else own
    assert body in (b'{"id": 16}', b'{"id": 16}\r\n', b"", LARGE)


@pytest.mark.parametrize("answer", NONE.values(), ids=NONE)
async def test_what_is_no_answer_is_an_error(start_gateway: StartGateway, token: str, answer: bytes) -> None:
    read = await read_from(start_gateway, token, answer)
    assert read.head.startswith(b"HTTP/1.1 502 "), read.received[:200]
    assert b"X-Row" not in read.received
    assert read.received.endswith(b'{"status": "live"}')


@pytest.mark.parametrize("answer", INCOMPLETE.values(), ids=INCOMPLETE)
async def test_an_answer_without_its_end_is_seen_to_be_incomplete(
    start_gateway: StartGateway, token: str, answer: bytes
) -> None:
    async with raw_service(answer) as service:
        service.closes = True
        edge = await start_gateway(catalog_url=service.url)
        async with connection(edge.url, asked(token)) as made:
            read = await read_all(made)
    assert read.head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert read.reset
    assert not read.has_last_chunk


async def test_as_many_headers_as_are_allowed(start_gateway: StartGateway, token: str) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + HEADERS_AT_THE_LIMIT + b"Content-Length: 0\r\n\r\n"
    read = await read_from(start_gateway, token, answer)
    assert read.head.count(b"\r\nX-") >= MAX_HEADERS - 1


@pytest.mark.parametrize("status", [401])
async def test_the_gateways_own_credentials_are_no_matter_of_the_client(
    start_gateway: StartGateway, token: str, status: int
) -> None:
    answer = b"HTTP/1.1 %d Unauthorized\r\nContent-Length: 2\r\n\r\n{}" % status
    assert (await read_from(start_gateway, token, answer)).head.startswith(b"HTTP/1.1 502 ")
