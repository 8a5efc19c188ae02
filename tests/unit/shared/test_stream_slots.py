"""How many streams may be open at once: of the process, of an organisation, of a user."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.auth.internal_token import Caller
from shared.errors import ApiError, BadRequest, Overloaded
from shared.http.errors import TooManyStreams
from shared.http.request import Request
from shared.http.responses import Answer
from shared.http.routing import VERIFIER, Call, Route, add_routes
from shared.http.server.app import create_app
from shared.http.server.responder import RESPONDER
from shared.http.stream_slots import RETRY_AFTER, STREAMS_OF_USER, Streams
from shared.http.streaming import Streamed
from tests.support.raw_http import exchange
from tests.support.stack import serving
from tests.support.streams import connection, read_of, unchunked


def refused(streams: Streams, organisation: int | None, user: str | None) -> ApiError | None:
    try:
        streams.take(organisation, user).close()
    except ApiError as error:
        return error
    return None


def test_a_user_has_so_many_and_others_still_have_theirs() -> None:
    streams = Streams()
    slots = [streams.take(1, "ann") for _ in range(STREAMS_OF_USER)]
    error = refused(streams, 1, "ann")
    assert isinstance(error, TooManyStreams)
    assert (error.status, error.headers["Retry-After"]) == (429, str(RETRY_AFTER))
    assert refused(streams, 1, "bob") is None
    assert refused(streams, 2, "ann") is None
    slots.pop().close()
    assert refused(streams, 1, "ann") is None


def test_an_organisation_has_half_of_them() -> None:
    streams = Streams(10)
    slots = [streams.take(1, f"user-{number}") for number in range(5)]
    error = refused(streams, 1, "user-6")
    assert isinstance(error, Overloaded)
    assert (error.status, error.headers["Retry-After"]) == (503, str(RETRY_AFTER))
    assert refused(streams, 2, "user-1") is None
    slots.pop().close()
    assert refused(streams, 1, "user-6") is None


def test_the_process_has_no_more_for_anybody() -> None:
    streams = Streams(3)
    slots = [streams.take(1, "ann"), streams.take(2, "bob"), streams.take()]
    assert isinstance(refused(streams, 3, "eve"), Overloaded)
    assert isinstance(refused(streams, None, None), Overloaded)
    slots.pop().close()
    assert refused(streams, 3, "eve") is None


def test_a_frozen_service_leaves_room_for_another() -> None:
    streams = Streams(8)
    slots = [streams.take(number, "ann", service="frozen") for number in range(6)]
    with pytest.raises(Overloaded):
        streams.take(9, "ann", service="frozen")
    streams.take(9, "ann", service="other").close()
    slots.pop().close()
    streams.take(9, "ann", service="frozen").close()


def test_our_own_processes_are_no_user() -> None:
    streams = Streams()
    slots = [streams.take() for _ in range(3 * STREAMS_OF_USER)]
    assert refused(streams, None, None) is None
    assert len(slots) == len(streams.open)


def test_a_slot_is_given_back_once() -> None:
    streams = Streams(4)
    first, second = streams.take(1, "ann"), streams.take(1, "ann")
    first.close()
    first.close()
    assert streams.open == {second}
    second.close()
    assert not streams.open
    assert streams._held == {}


def test_a_slot_that_was_cut_cuts_what_begins_in_it() -> None:
    slot, cut = Streams().take(), list[int]()
    slot.when_cut(lambda: cut.append(1))
    slot.cut()
    slot.when_cut(lambda: cut.append(2))
    assert cut == [1, 2]
    slot.close()
    slot.cut()
    assert cut == [1, 2]


def test_what_a_stream_holds_is_given_back_once_with_its_slot() -> None:
    slot, closed = Streams().take(), list[int]()
    slot.when_closed(lambda: closed.append(1))
    slot.cut()
    assert closed == []
    slot.close()
    slot.close()
    assert closed == [1]


def test_a_slot_is_given_back_whatever_becomes_of_what_was_held() -> None:
    streams = Streams()
    slot = streams.take()

    def fail() -> None:
        raise ValueError("held")

    slot.when_closed(fail)
    with pytest.raises(ValueError, match="held"):
        slot.close()
    assert not streams.open


class _AnyToken:
    def verify(self, _: str) -> Caller:
        return Caller(7, "user-1", "Ann", "staff", frozenset({"api.access", "internal.live"}))


async def _news(call: Call[Any, Any]) -> Streamed:
    async def chunks() -> AsyncIterator[bytes]:
        async for chunk in call.request.chunks():
            yield chunk
        yield b"end"

    return Streamed(chunks(), "text/plain")


async def _held(call: Call[Any, Any]) -> Answer:
    [slot] = call.app[RESPONDER].streams.open
    return Answer(f'"{slot.organisation} {slot.user}"')


async def _counted(call: Call[Any, Any]) -> Answer:
    return Answer(str(sum([len(chunk) async for chunk in call.request.chunks()])))


async def _list(call: Call[Any, Any]) -> Answer:
    return Answer(f'"{len(call.app[RESPONDER].streams.open)}"')


ROUTES: list[Route[Any, Any]] = [
    Route("GET", "/list", _list, {}, exports={"text/csv": _news, "application/x-ndjson": _news}),
    Route("POST", "/count", _counted, {}, streamed=True, body_streamed=100_000),
    Route("GET", "/news", _news, {}, streamed=True),
    Route("POST", "/upload", _news, {}, streamed=True, body_streamed=100_000),
    Route("GET", "/held", _held, {}, streamed=True),
    Route("GET", "/own", _held, {}, ["internal.live"], streamed=True),
]


@pytest.fixture
async def url() -> AsyncIterator[str]:
    app = create_app()
    app[VERIFIER] = _AnyToken()  # type: ignore[misc]
    add_routes(app, ROUTES)
    async with serving(app) as url:
        yield url
        assert not app[RESPONDER].streams.open
        assert app[RESPONDER].in_flight == 0


HEAD = b"Host: x\r\nAuthorization: Bearer any\r\n"


async def test_a_route_that_is_declared_streamed_has_a_slot(url: str) -> None:
    news = await read_of(url, b"GET /news HTTP/1.1\r\nTE: trailers\r\n%b\r\n" % HEAD)
    assert unchunked(news.body) == b"end"
    for path, owner in (("held", '"7 user-1"'), ("own", '"None None"')):
        [answer] = (await exchange(url, b"GET /%b HTTP/1.1\r\n%b\r\n" % (path.encode(), HEAD))).answers
        assert answer.body.decode() == owner


async def test_an_export_alone_of_a_list_has_a_slot(url: str) -> None:
    for accept, body in ((b"*/*", b'"0"'), (b"text/csv;q=0", b'"0"'), (b"application/pdf", b'"0"')):
        request = b"GET /list HTTP/1.1\r\nAccept: %b\r\n%b\r\n" % (accept, HEAD)
        [answer] = (await exchange(url, request)).answers
        assert answer.body == body
    request = b"GET /list HTTP/1.1\r\nAccept: text/csv\r\n%b\r\n" % HEAD
    assert unchunked((await read_of(url, request, until=b"\r\n0\r\n\r\n")).body) == b"end"


SMALL, LARGE = b"x" * 1000, b"x" * 100_000
BODIES = {
    "announced": b"Content-Length: 100000\r\n\r\n" + LARGE,
    "in chunks": b"Transfer-Encoding: chunked\r\n\r\n186a0\r\n" + LARGE + b"\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_body_may_be_read_as_it_comes(url: str, body: bytes) -> None:
    read = await read_of(url, b"POST /upload HTTP/1.1\r\nTE: trailers\r\n" + HEAD + body)
    assert unchunked(read.body) == LARGE + b"end"


async def test_a_small_one_is_whole_from_the_start(url: str) -> None:
    read = await read_of(
        url, b"POST /upload HTTP/1.1\r\nContent-Length: 1000\r\n%b\r\n" % HEAD + SMALL, until=b"\r\n0\r\n\r\n"
    )
    assert unchunked(read.body) == SMALL + b"end"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"Content-Length: 100000\r\n\r\n" + LARGE, 200),
        (b"Content-Length: 100001\r\n\r\n", 413),
        (b"Transfer-Encoding: chunked\r\n\r\n186a1\r\n" + LARGE + b"x\r\n0\r\n\r\n", 413),
        (b"Transfer-Encoding: chunked\r\n\r\n186a0\r\n" + LARGE + b"\r\nno size\r\n", 400),
    ],
    ids=["most", "announced", "in chunks", "malformed"],
)
async def test_a_body_has_a_bound_and_a_form(url: str, body: bytes, status: int) -> None:
    [answer] = (await exchange(url, b"POST /count HTTP/1.1\r\n" + HEAD + body)).answers
    assert answer.status == status


async def test_a_body_that_pauses_is_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.request.STALL_TIMEOUT", 0.1)
    begun = b"POST /count HTTP/1.1\r\nContent-Length: 100\r\n%b\r\nbegun" % HEAD
    assert (await read_of(url, begun)).received.startswith(b"HTTP/1.1 408 ")


async def test_a_client_that_goes_away_leaves_an_incomplete_body(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = asyncio.get_running_loop().create_future()

    async def noting(request: Request) -> bytes:
        try:
            return b"".join([chunk async for chunk in chunks(request)])
        except BadRequest as error:
            ended.set_result(error)
            raise

    async def whole(request: Request) -> AsyncIterator[bytes]:
        yield await noting(request)

    chunks = Request.chunks
    monkeypatch.setattr(Request, "chunks", whole)
    async with connection(url, b"POST /count HTTP/1.1\r\nContent-Length: 100\r\n%b\r\nbegun" % HEAD):
        pass
    assert (await asyncio.wait_for(ended, 20)).message == "The request body is incomplete."
