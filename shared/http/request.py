"""The request as handlers see it, whichever parser read it."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from shared.errors import ApiError, MethodNotImplemented
from shared.http.body_budget import Reservation
from shared.http.conditional import UNCONDITIONAL, Conditions, read_conditions
from shared.http.request_target import Target, checked_host, own_address, read_target
from shared.observability import NO_TRACE, Trace

Headers = CIMultiDictProxy[str]
_NO_HEADERS: Final[Headers] = CIMultiDictProxy(CIMultiDict())

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
"""RFC 9110, section 9, and RFC 5789. Any other is answered with 501."""


@dataclass(slots=True)
class Head:
    """The header fields of a request. A client sends the same ones in many of its requests, which then share this."""

    headers: Headers
    content_length: int = 0
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
    peer: str
    """The address at the other end of the connection."""
    content: bytes = b""
    is_head: bool = False
    stream: web.Request | None = None
    """The request as aiohttp has it, if aiohttp has read it."""
    fault: ApiError | None = None
    """What the parser found wrong with it, and it is refused with."""
    trace: Trace = NO_TRACE
    path_id: str | None = None
    """The text in the path where the route has an id."""
    caller: str | None = None
    """Whose request it is, set once the token was verified; without it the body is a stranger's."""
    reservation: Reservation | None = None
    """The memory that its body takes."""
    is_counted: bool = False
    """Whether it was counted against a rate limit."""
    answer_lines: str = ""
    """Header lines, each with its end, which every answer has from now on."""

    @property
    def has_body(self) -> bool:
        return bool(self.content) or (self.stream is not None and self.stream.can_read_body)

    def host(self) -> str:
        """The host that the client asked; without one (HTTP/1.0) the address of this process.

        Raises `BadRequest`.
        """
        hosts = self.headers.getall("Host", [])
        if not hosts and self.stream is not None and self.stream.transport is not None:
            return own_address(self.stream.transport)
        return checked_host(hosts)


def from_aiohttp(request: web.BaseRequest) -> Request:
    """The request that aiohttp's parser has read."""
    fault, target = None, Target(request.raw_path, "")
    try:
        target = _checked_target(request)
    except ApiError as error:
        fault = error.with_traceback(None)  # which holds this very request
    headers = request.headers or _NO_HEADERS  # what was no HTTP has none
    return Request(
        "GET" if request.method == "HEAD" else request.method,
        target,
        Head(headers),
        headers,
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


def conditions(headers: Headers) -> Conditions:
    if "If-Match" not in headers and "If-None-Match" not in headers:
        return UNCONDITIONAL
    return read_conditions(headers.getall("If-Match", []), headers.getall("If-None-Match", []))


def client_url(request: Request) -> str:
    """The address that the client asked, without its query.

    The gateway says where the client reached it; only verified callers get this far.
    """
    headers, path = request.headers, request.target.path
    scheme = headers.get("X-Forwarded-Proto", "http")
    host = headers.get("X-Forwarded-Host") or request.host()
    return f"{scheme}://{host}{unquote(path) if '%' in path else path}"
