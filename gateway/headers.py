"""Which headers pass the gateway, in either direction. Stripping comes first, adding after it."""

from collections.abc import Iterable
from typing import Final

from shared.errors import BadRequest
from shared.observability import Trace

Headers = list[tuple[str, str]]

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

_WRITTEN_BY_THE_GATEWAY: Final = frozenset({"content-length", "date", "server", "x-request-id"})


def forwarded(sent: Iterable[tuple[str, str]]) -> Headers:
    """The client's headers that go on to a service; raises `BadRequest` for a value that is not UTF-8."""
    headers = list(sent)
    listed = _listed_by_connection(headers)
    passing = [(n, v) for n, v in headers if n.lower() in REQUEST_HEADERS and n.lower() not in listed]
    for name, value in passing:
        # The server hands over bytes it could not decode as surrogates, which no client can send on.
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise BadRequest(f"The header {name} is not UTF-8.")
    return passing


def identity(internal_token: str, trace: Trace, scheme: str, host: str) -> Headers:
    """What the gateway says about a request: for whom, under which trace, and where the client asked."""
    return [
        ("Authorization", f"Bearer {internal_token}"),
        ("X-Request-Id", trace.request_id),
        ("traceparent", trace.traceparent),
        ("X-Forwarded-Proto", scheme),
        ("X-Forwarded-Host", host),
    ]


def answered(received: Iterable[tuple[str, str]]) -> Headers:
    """A service's headers that go back to the client."""
    headers = list(received)
    dropped = HOP_BY_HOP | _WRITTEN_BY_THE_GATEWAY | _listed_by_connection(headers)
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def _listed_by_connection(headers: Headers) -> frozenset[str]:
    values = (value for name, value in headers if name.lower() == "connection")
    return frozenset(option.strip().lower() for value in values for option in value.split(","))
