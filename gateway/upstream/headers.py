"""Which headers pass the gateway, in either direction. Stripping comes first, adding after it."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from gateway.upstream.http_client import RawAnswer
from shared.errors import BadRequest
from shared.http.server.response_bytes import ResponseBytes, length_line
from shared.observability import Trace

Headers = list[tuple[str, str]]
RawHeaders = list[tuple[bytes, bytes]]

REQUEST_HEADERS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "content-encoding",
        "content-type",
        "idempotency-key",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-unmodified-since",
        "prefer",
    }
)
"""All a client may tell a service. Who it is, and where it came from, only the gateway says: no identity header
can pass in any spelling, because only these names do."""

HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""RFC 9110, section 7.6.1; with them go the ones that `Connection` lists."""

NO_SNIFFING_LINES: Final = b"X-Content-Type-Options: nosniff\r\n"
TO_A_TOKEN_LINES: Final = b"Vary: Authorization\r\n" + NO_SNIFFING_LINES
"""Of what is answered to a token, whoever answers it. The gateway adds them, so that services need not send them and it
need not read them."""
VARY_ACCEPT: Final = "Vary: Accept\r\n"
"""Of what a service answers in several media types."""

_OF_EACH_ANSWER: Final = frozenset({b"Content-Length", b"Date", b"X-Request-Id"})
"""As our services spell them: what differs from answer to answer and does not go back."""
_CONNECTION: Final = b"\0"
"""In the place of a line that lists others; no header's value can hold it."""
_REMEMBERED_LINES: Final = 1000
_REMEMBERED_BYTES: Final = 200
_LINES: Final[dict[tuple[bytes, bytes], bytes]] = {}

_WRITTEN_BY_THE_GATEWAY: Final = frozenset(
    {
        "content-length",
        "date",
        "ratelimit",
        "ratelimit-policy",
        "server",
        "vary",
        "x-content-type-options",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-request-id",
    }
)


def forwarded(sent: Iterable[tuple[str, str]]) -> Headers:
    """The client's headers that go on to a service; raises `BadRequest` for a value that is not UTF-8."""
    headers = list(sent)
    listed = _listed(value for name, value in headers if name.lower() == "connection")
    passing = [(n, v) for n, v in headers if n.lower() in REQUEST_HEADERS and n.lower() not in listed]
    for name, value in passing:
        # The server hands over bytes it could not decode as surrogates, which no client can send on.
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise BadRequest(f"The header {name} is not UTF-8.")
    return passing


def has_idempotency_key(passing: Iterable[tuple[str, str]]) -> bool:
    """Of what goes on to the service: a key that stays behind makes no request safe to repeat."""
    return any(name.lower() == "idempotency-key" for name, _ in passing)


def identity(internal_token: str, trace: Trace, scheme: str, host: str) -> str:
    """What the gateway says about a request, as header lines: for whom, where the client asked, under which trace.

    What differs from request to request comes last (`shared.http.server.simple_request`).
    """
    request_id, traceparent, tracestate = trace
    state_line = f"tracestate: {tracestate}\r\n" if tracestate else ""
    return (
        f"Authorization: Bearer {internal_token}\r\nX-Forwarded-Proto: {scheme}\r\nX-Forwarded-Host: {host}\r\n"
        f"X-Request-Id: {request_id}\r\ntraceparent: {traceparent}\r\n{state_line}"
    )


def client_lines(address: str, authorization: Sequence[str]) -> str:
    """What accounts alone learns of the client, as header lines: its address, and its own credentials.

    Raises `BadRequest` for credentials that no header can hold, or of which nobody could say which count.
    """
    if len(authorization) > 1:
        raise BadRequest("There is more than one Authorization header.")
    if not all(value.isascii() for value in authorization):
        raise BadRequest("The Authorization header is not ASCII.")
    own = [("X-Client-Authorization", value) for value in authorization]
    return lines([("X-Client-Address", address), *own])


def lines(headers: Iterable[tuple[str, str]]) -> str:
    """Header lines, each with its end; raises `BadRequest` for one that would be two."""
    each = [f"{name}: {value}\r\n" for name, value in headers]
    text = "".join(each)
    if text.count("\r") != len(each) or text.count("\n") != len(each):
        raise BadRequest
    return text


def passed_on(answer: RawAnswer, own_lines: bytes) -> ResponseBytes:
    """A service's answer, with what the gateway says about it."""
    length = length_line(answer.status, answer.body).encode()
    return ResponseBytes(answer.status, b"".join((answered_lines(answer.headers), length, own_lines)), answer.body)


def answered_lines(received: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A service's headers that go back to the client, as header lines; most are in every answer, and made once."""
    lines = b"".join([_LINES.get(header) or _line(header) for header in received if header[0] not in _OF_EACH_ANSWER])
    if _CONNECTION not in lines:
        return lines
    return b"".join([b"%b: %b\r\n" % header for header in answered(received)])


def answered(received: Sequence[tuple[bytes, bytes]]) -> RawHeaders:
    """A service's headers that go back to the client, where some are listed in `Connection`."""
    listed = _listed([v.decode("latin-1") for n, v in received if n.lower() == b"connection"])
    return [(n, v) for n, v in received if _goes_back(n) and n.decode("latin-1").lower() not in listed]


def _line(header: tuple[bytes, bytes]) -> bytes:
    """Empty for what does not go back."""
    name, value = header
    if name.lower() == b"connection":
        return _CONNECTION
    line = b"%b: %b\r\n" % header if _goes_back(name) else b""
    if len(name) + len(value) <= _REMEMBERED_BYTES:
        if len(_LINES) >= _REMEMBERED_LINES:
            _LINES.clear()
        _LINES[header] = line
    return line


@lru_cache(256)
def _goes_back(name: bytes) -> bool:
    return name.decode("latin-1").lower() not in HOP_BY_HOP | _WRITTEN_BY_THE_GATEWAY


def _listed(connection: Iterable[str]) -> frozenset[str]:
    return frozenset(option.strip().lower() for value in connection for option in value.split(","))
