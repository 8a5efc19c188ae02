"""A parser for simple requests: whole in one read, and with nothing in them that two readers could read differently.

Nearly all requests of well-behaved clients are. Parsing one and writing its answer costs a fifth of what it costs
aiohttp's server. This parser refuses nobody: whatever is not simple in any respect it leaves to the standard path.
"""

import re
from functools import lru_cache
from typing import Final

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from shared.concurrency.lru import LruCache
from shared.errors import BadRequest
from shared.http.request import NO_OWN_FIELDS, Head, Headers, OwnFields, Request, own_fields
from shared.http.request_target import Target, checked_host, read_target

MAX_HEAD_BYTES: Final = 8190
MAX_HEADERS: Final = 60
"""And at most four last lines."""
_REMEMBERED_BYTES: Final = 2048
_REQUEST_LINE = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/[\x21-\x7e]*) HTTP/1\.1\Z")
_HEADER_LINES = re.compile(rb"(?:[A-Za-z0-9_-]+: ?(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?\r\n)+\Z")
_LENGTH = re.compile(r"(?:0|[1-9][0-9]{0,8})\Z")
_NOT_SIMPLE: Final = frozenset(
    {"expect", "http2-settings", "sec-websocket-key1", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""What changes how a message is framed, or what its connection is used for (RFC 9112)."""


_LAST_LINES_BEGIN: Final = b"\r\nX-Request-Id: "
_LAST_LINES = re.compile(
    rb"\r\nX-Request-Id: ([A-Za-z0-9._:-]{1,128})\r\ntraceparent: ([0-9a-f-]{55})"
    rb"(?:\r\ntracestate: ([\x21-\x7e](?:[\x20-\x7e]{0,510}[\x21-\x7e])?))?"
    rb"(?:\r\nX-Request-Deadline: ([0-9]{1,9}))?(?:\r\nContent-Length: (?P<length>0|[1-9][0-9]{0,8}))?\Z"
)
"""A gateway's requests end with what differs from request to request (`gateway.upstream.proxy`)."""


class SimpleRequestParser:
    """The header lines of a client are the same in all its requests, apart from the last lines of a gateway's: the
    parsed lines of the `remembered` clients that were here last are kept."""

    def __init__(self, remembered: int = 2000) -> None:
        self._heads: LruCache[bytes, Head] = LruCache(remembered)

    def parse(self, data: bytes, peer: str) -> Request | None:
        """The one request that these bytes are; None if they are less, more or anything else.

        `peer` is the address at the other end of the connection. No header is given twice in it.
        """
        before, end, body = data.partition(b"\r\n\r\n")
        line, _, lines = before.partition(b"\r\n")
        asked = request_line(line) if end and len(line) <= _REMEMBERED_BYTES else None
        if asked is None:
            return None
        at = lines.rfind(_LAST_LINES_BEGIN)
        last = None if at < 0 else _LAST_LINES.match(lines, at)
        head = self._head(lines if last is None else lines[:at])
        if head is None or (last is not None and not _may_end_with(head, last)):
            return None
        (method, target, is_head), own = asked, head.own if last is None else _own(last)
        length = int(last["length"]) if last is not None and last["length"] is not None else head.content_length or 0
        if len(body) != length or (body and method == "GET"):
            return None
        return Request(method, target, head, head.headers, own, peer, body, is_head)

    def _head(self, lines: bytes) -> Head | None:
        known = self._heads.get(lines)
        if known is not None:
            return known
        headers = _headers(lines) if len(lines) <= MAX_HEAD_BYTES else None
        if headers is None:
            return None
        length = headers.get("Content-Length")
        head = Head(headers, own_fields(headers), None if length is None else int(length))
        if len(lines) <= _REMEMBERED_BYTES and head.own is NO_OWN_FIELDS:
            self._heads.put(lines, head)
        return head


def _may_end_with(head: Head, last: re.Match[bytes]) -> bool:
    """Whether no header is given twice."""
    return head.own is NO_OWN_FIELDS and (last["length"] is None or head.content_length is None)


def _own(last: re.Match[bytes]) -> OwnFields:
    request_id, traceparent, tracestate, deadline, _ = last.groups()
    return OwnFields(
        request_id.decode(),
        traceparent.decode(),
        () if deadline is None else (deadline.decode(),),
        () if tracestate is None else (tracestate.decode(),),
    )


REQUEST_PARSER = web.AppKey("request_parser", SimpleRequestParser)


@lru_cache(2000)
def request_line(line: bytes) -> tuple[str, Target, bool] | None:
    """Method and target, and whether it is a HEAD, which is read as a GET; None for one that is not simple.

    The same pages are asked for again and again.
    """
    asked = _REQUEST_LINE.match(line)
    if asked is None:
        return None
    is_head = asked[1] == b"HEAD"
    try:
        return "GET" if is_head else asked[1].decode(), read_target(asked[2].decode()), is_head
    except BadRequest:
        return None


def _headers(lines: bytes) -> Headers | None:
    if not _HEADER_LINES.match(lines + b"\r\n"):
        return None
    parted = [line.partition(":") for line in lines.decode().split("\r\n")]
    pairs = [(name, value.strip()) for name, _, value in parted]
    names = {name.lower() for name, _ in pairs}
    if len(names) < len(pairs) or len(names) > MAX_HEADERS or not _NOT_SIMPLE.isdisjoint(names):
        return None
    headers = CIMultiDictProxy(CIMultiDict(pairs))
    return headers if _are_simple(headers) else None


def _are_simple(headers: Headers) -> bool:
    if headers.get("Connection", "keep-alive").lower() != "keep-alive":
        return False
    try:
        checked_host(headers.getall("Host", []))
    except BadRequest:
        return False
    return _LENGTH.match(headers.get("Content-Length", "0")) is not None
