"""The request as handlers see it, whichever parser read it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from aiohttp import StreamReader, web
from multidict import CIMultiDict, CIMultiDictProxy

from shared.concurrency.deadline import HEADER as DEADLINE_HEADER
from shared.errors import ApiError, BadRequest, PayloadTooLarge
from shared.http.body_budget import Reservation
from shared.http.errors import MethodNotImplemented, RequestTimeout
from shared.http.request_target import Target, checked_host, own_address, read_target
from shared.http.stream_slots import STALL_TIMEOUT, Slot
from shared.metrics.requests import OTHER
from shared.observability import NO_TRACE, Trace

Headers = CIMultiDictProxy[str]
READ_AHEAD: Final = 32 * 1024
"""Bytes of a body that may wait for their reader, once there is one."""
_NO_HEADERS: Final[Headers] = CIMultiDictProxy(CIMultiDict())

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
"""RFC 9110, section 9, and RFC 5789. Any other is answered with 501."""


class OwnFields(NamedTuple):
    """The header fields that differ from request to request, as they were sent."""

    request_id: str
    traceparent: str
    deadlines: Sequence[str]
    tracestates: Sequence[str] = ()


NO_OWN_FIELDS: Final = OwnFields("", "", ())


def own_fields(headers: Headers) -> OwnFields:
    own = OwnFields(
        headers.get("X-Request-Id", ""),
        headers.get("traceparent", ""),
        headers.getall(DEADLINE_HEADER, ()),
        headers.getall("tracestate", ()),
    )
    return NO_OWN_FIELDS if own == NO_OWN_FIELDS else own


@dataclass(slots=True)
class Head:
    """The header fields of a request. A client sends the same ones in many of its requests, which then share this."""

    headers: Headers
    own: OwnFields
    content_length: int | None = None
    derived: Any = None
    """What a handler has worked out from the headers alone, so that it need not do so again."""


@dataclass(slots=True)
class Request:
    """A HEAD is the GET whose answer it asks about: its method is GET, and `is_head` is set.

    `content` is the whole body, unless it is still on its way: then it is read from `stream`. `shared.http.body` reads
    either.
    """

    method: str
    target: Target
    head: Head
    headers: Headers
    """They may lack those of `own`."""
    own: OwnFields
    peer: str
    """The address at the other end of the connection."""
    content: bytes = b""
    is_head: bool = False
    stream: web.Request | None = None
    """The request as aiohttp has it, if aiohttp has read it."""
    fault: ApiError | None = None
    """What the parser found wrong with it, and it is refused with."""
    trace: Trace = NO_TRACE
    route: str = OTHER
    """The template of its path, once it is known to have one: what metrics and logs name it by."""
    path_id: str | None = None
    """The text in the path where the route has an id."""
    caller: str | None = None
    """Whose request it is, set once the token was verified; without it the body is a stranger's."""
    reservation: Reservation | None = None
    """The memory that its body takes."""
    slot: Slot | None = None
    """Of a stream, or of what takes as long as one."""
    most_bytes: int = 0
    """Of a body that is read as it comes."""
    is_counted: bool = False
    """Whether it was counted against a rate limit."""
    answer_lines: str = ""
    """Header lines, each with its end, which every answer has from now on."""

    @property
    def has_body(self) -> bool:
        return bool(self.content) or (self.stream is not None and self.stream.can_read_body)

    def announced_bytes(self) -> int | None:
        """How long its body says it is; None for one that comes in chunks."""
        return len(self.content) if self.stream is None else self.stream.content_length

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, for a route with `body_streamed`; whoever stops early leaves the rest unread.

        Raises `PayloadTooLarge` past `most_bytes`, `RequestTimeout` when nothing comes for `STALL_TIMEOUT`, and
        `BadRequest` for a body that ends early.
        """
        if (self.announced_bytes() or 0) > self.most_bytes:
            raise PayloadTooLarge
        if self.stream is None:
            if self.content:
                yield self.content
            return
        content, received = self.stream.content, 0
        content.set_read_chunk_size(READ_AHEAD)
        while part := await _next_part(content):
            received += len(part)
            if received > self.most_bytes:
                raise PayloadTooLarge
            yield part

    def host(self) -> str:
        """The host that the client asked; without one (HTTP/1.0) the address of this process.

        Raises `BadRequest`.
        """
        hosts = self.headers.getall("Host", [])
        if not hosts and self.stream is not None and self.stream.transport is not None:
            return own_address(self.stream.transport)
        return checked_host(hosts)


async def _next_part(content: StreamReader) -> bytes:
    """Nothing at its end."""
    try:
        async with asyncio.timeout(STALL_TIMEOUT):
            return await content.readany()
    except TimeoutError:
        raise RequestTimeout from None
    except (web.RequestPayloadError, ConnectionError):
        raise BadRequest("The request body is incomplete.") from None


def from_aiohttp(request: web.BaseRequest) -> Request:
    """The request that aiohttp's parser has read."""
    fault, target = None, Target(request.raw_path, "")
    try:
        target = _checked_target(request)
    except ApiError as error:
        fault = error.with_traceback(None)  # which holds this very request
    headers = request.headers or _NO_HEADERS  # what was no HTTP has none
    own = own_fields(headers)
    return Request(
        "GET" if request.method == "HEAD" else request.method,
        target,
        Head(headers, own),
        headers,
        own,
        request.remote or "",
        is_head=request.method == "HEAD",
        stream=request,  # type: ignore[arg-type]  # what is not a web.Request has a fault, and nobody reads its body
        fault=fault,
    )


def _checked_target(request: web.BaseRequest) -> Target:
    """Raises `MethodNotImplemented`, or `BadRequest` for a target or a host that nobody should trust.

    HTTP/1.0 may come without a host.
    """
    if request.method not in METHODS:
        raise MethodNotImplemented
    target, hosts = read_target(request.raw_path), request.headers.getall("Host", [])
    if hosts:
        checked_host(hosts)
    return target


def client_origin(request: Request) -> str:
    """Scheme and host by which the client asked; the gateway says so, and only verified callers get this far."""
    scheme = request.headers.get("X-Forwarded-Proto", "http")
    return f"{scheme}://{request.headers.get('X-Forwarded-Host') or request.host()}"
