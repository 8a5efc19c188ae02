"""Bytes of a service that belong to no answer, or to another one than was asked for: they reach no client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gateway.upstream.http_client import MAX_HEADERS, AnswerBroken, Connection, Connections, RawAnswer
from tests.integration.gateway.edge import StartGateway, new_token
from tests.support.eventually import eventually

REQUEST = b"GET / HTTP/1.1\r\nHost: service\r\n\r\n"
PATH = "/api/v1/training/courses"
LIVE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SECOND = b'HTTP/1.1 201 Created\r\nSet-Cookie: theirs=1\r\nContent-Length: 10\r\n\r\n{"id": 17}'
COMPLETE = {
    "length": b'HTTP/1.1 200 OK\r\nX-Row: 1\r\nContent-Length: 10\r\n\r\n{"id": 16}',
    "chunks": b'HTTP/1.1 200 OK\r\nX-Row: 1\r\nTransfer-Encoding: chunked\r\n\r\na\r\n{"id": 16}\r\n0\r\n\r\n',
    "no body": b"HTTP/1.1 204 No Content\r\nX-Row: 1\r\n\r\n",
    "empty body": b"HTTP/1.1 200 OK\r\nX-Row: 1\r\nContent-Length: 0\r\n\r\n",
    "body that ends its line": b'HTTP/1.1 200 OK\r\nX-Row: 1\r\nContent-Length: 12\r\n\r\n{"id": 16}\r\n',
}
BEHIND = {
    "garbage": b"garbage",
    "a second answer": SECOND,
    "half a head": b"HTTP/1.1 201 Created\r\nSet-Cookie: theirs=1\r\nX-Half: ",
    "one byte": b"H",
    "a line's end": b"\r\n",
}


@dataclass
class RawService:
    """Answers each request with the next of `answers`, byte for byte; a look at its health it answers as usual."""

    url: str = ""
    answers: list[bytes] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    """Connections that the other side closed."""
    closes: bool = False
    """Its own side, after an answer."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(LIVE if b"/health/live" in head else self.answers.pop(0))
                if self.closes:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended += 1
        finally:
            writer.close()


@asynccontextmanager
async def raw_service(*answers: bytes) -> AsyncIterator[RawService]:
    service = RawService(answers=list(answers))
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield service
    finally:
        server.close()


@asynccontextmanager
async def connections_to(service: RawService) -> AsyncIterator[Connections]:
    connections = Connections(service.url)
    try:
        yield connections
    finally:
        connections.close()


Ask = Callable[..., Awaitable[RawAnswer]]


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
@pytest.mark.parametrize("complete", COMPLETE.values(), ids=COMPLETE)
async def test_bytes_behind_an_answer_end_its_connection(complete: bytes, behind: bytes) -> None:
    async with raw_service(complete + behind, SECOND) as service, connections_to(service) as connections:
        first = await connections.ask(REQUEST, 5.0)
        assert (b"X-Row", b"1") in first.headers
        assert first.status == int(complete.split()[1])
        assert not any(name in (b"Set-Cookie", b"X-Half") for name, _ in first.headers)
        assert first.body in (b'{"id": 16}', b'{"id": 16}\r\n', b"")

        async def closed() -> bool:
            return service.ended == 1

        await eventually(closed)
        second = await connections.ask(REQUEST, 5.0)
        assert (second.status, second.body) == (201, b'{"id": 17}')
        assert service.connections == 2


@pytest.mark.parametrize("complete", COMPLETE.values(), ids=COMPLETE)
async def test_a_connection_is_used_again_after_an_answer_with_nothing_behind_it(complete: bytes) -> None:
    async with raw_service(complete, SECOND) as service, connections_to(service) as connections:
        assert (await connections.ask(REQUEST, 5.0)).status == int(complete.split()[1])
        assert (await connections.ask(REQUEST, 5.0)).status == 201
        assert service.connections == 1


async def test_an_answer_in_single_bytes_is_the_same() -> None:
    made = _connection_without_a_socket()
    waiting: asyncio.Future[RawAnswer] = asyncio.get_running_loop().create_future()
    made._waiting = waiting
    for byte in COMPLETE["chunks"]:
        made.data_received(bytes([byte]))
    assert (await waiting).body == b'{"id": 16}'


def _connection_without_a_socket() -> Connection:
    return Connection(Connections("http://127.0.0.1:1"))


@pytest.mark.parametrize(
    "interim", [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"]
)
@pytest.mark.parametrize("without_body", [False, True], ids=["GET", "HEAD"])
async def test_interim_answers_are_read_over(interim: bytes, without_body: bool) -> None:
    """RFC 9110, section 15.2."""
    answer = COMPLETE["length"].partition(b'{"id"')[0] if without_body else COMPLETE["length"]
    async with raw_service(interim * 3 + answer) as service, connections_to(service) as connections:
        final = await connections.ask(REQUEST, 5.0, without_body=without_body)
        assert (final.status, final.body) == (200, b"" if without_body else b'{"id": 16}')
        assert final.headers == [(b"X-Row", b"1"), (b"Content-Length", b"10")]


HEADERS_AT_THE_LIMIT = b"".join(b"X-%d: 1\r\n" % number for number in range(MAX_HEADERS - 1))
BROKEN = {
    "other protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\n" + SECOND,
    "interim answers without end": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 4000,
    "a header too many": b"HTTP/1.1 200 OK\r\n" + HEADERS_AT_THE_LIMIT + b"X-More: 1\r\nContent-Length: 0\r\n\r\n",
    "a head too large": b"HTTP/1.1 200 OK\r\nX-Large: " + b"x" * 65_536 + b"\r\nContent-Length: 0\r\n\r\n",
    "a head without end": b"HTTP/1.1 200 OK\r\nX-Large: " + b"x" * 1_000_000,
    "headers in interim answers": b"HTTP/1.1 103 Early Hints\r\n" + b"X: 1\r\n" * (MAX_HEADERS + 1) + b"\r\n" + SECOND,
    "trailers without end": COMPLETE["chunks"].removesuffix(b"\r\n") + b"X: 1\r\n" * (MAX_HEADERS + 1) + b"\r\n",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_an_answer_beyond_its_bounds_is_none(broken: bytes) -> None:
    async with raw_service(broken) as service, connections_to(service) as connections:
        with pytest.raises(AnswerBroken):
            await connections.ask(REQUEST, 5.0)

        async def closed() -> bool:
            return service.ended == 1

        await eventually(closed)


async def test_as_many_headers_as_are_allowed() -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + HEADERS_AT_THE_LIMIT + b"Content-Length: 0\r\n\r\n"
    async with raw_service(answer) as service, connections_to(service) as connections:
        assert len((await connections.ask(REQUEST, 5.0)).headers) == MAX_HEADERS


async def test_trailers_are_no_headers() -> None:
    answer = COMPLETE["chunks"].removesuffix(b"\r\n") + b"Set-Cookie: late=1\r\n\r\n"
    async with raw_service(answer) as service, connections_to(service) as connections:
        assert (await connections.ask(REQUEST, 5.0)).headers == [(b"X-Row", b"1"), (b"Transfer-Encoding", b"chunked")]


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
async def test_the_next_client_of_the_gateway_does_not_notice(
    start_gateway: StartGateway, organisation: int, behind: bytes
) -> None:
    async with raw_service(COMPLETE["length"] + behind, COMPLETE["length"]) as service:
        edge = await start_gateway(catalog_url=service.url)
        token = new_token(organisation)
        for _ in range(2):
            answer = await edge.client(token).get(PATH)
            assert (answer.status, answer.json) == (200, {"id": 16})
            assert "Set-Cookie" not in answer.headers


async def test_control_without_the_look_behind_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second answer then is taken for that of the next client."""

    def all_at_once(connection: Connection, data: bytes) -> None:
        connection._parser.feed_data(data)

    monkeypatch.setattr(Connection, "_feed", all_at_once)
    monkeypatch.setattr(Connection, "on_message_begin", lambda _: None)
    async with raw_service(COMPLETE["length"] + b"\r\n", SECOND) as service, connections_to(service) as connections:
        await connections.ask(REQUEST, 5.0)
        await connections.ask(REQUEST, 5.0)
        assert service.connections == 1
