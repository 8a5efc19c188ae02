"""A parser for simple requests: whole in one read, and with nothing in them that two readers could read differently.

Nearly all requests of well-behaved clients are. Parsing one and writing its answer costs a tenth of what it costs
aiohttp's server. This parser refuses nobody: whatever is not simple in any respect it leaves to the standard path.
"""

import re
from collections import OrderedDict
from functools import lru_cache
from typing import Final

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from shared.errors import BadRequest
from shared.http.request import Head, Headers, Request
from shared.http.request_target import Target, checked_host, read_target

MAX_HEAD_BYTES: Final = 8190
MAX_HEADERS: Final = 64
_REMEMBERED_BYTES: Final = 2048
_REQUEST_LINE = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE) (/[\x21-\x7e]*) HTTP/1\.1\Z")
_HEADER_LINES = re.compile(rb"(?:[A-Za-z0-9_-]+: ?(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?\r\n)+\Z")
_LENGTH = re.compile(r"(?:0|[1-9][0-9]{0,8})\Z")
_NOT_SIMPLE: Final = frozenset(
    {"expect", "http2-settings", "sec-websocket-key1", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""What changes how a message is framed, or what its connection is used for (RFC 9112)."""


class SimpleRequestParser:
    """Where clients send their requests themselves, the header lines of each client are the same in all of them: the
    last `remembered` are kept, parsed. Those that a gateway sends differ from request to request."""

    def __init__(self, remembered: int = 0) -> None:
        self._remembered = remembered
        self._heads: OrderedDict[bytes, Head] = OrderedDict()

    def parse(self, data: bytes, peer: str) -> Request | None:
        """The one request that these bytes are; None if they are less, more or anything else.

        `peer` is the address at the other end of the connection. No header is given twice in it.
        """
        before, end, body = data.partition(b"\r\n\r\n")
        line, _, lines = before.partition(b"\r\n")
        asked = request_line(line) if end and len(line) <= _REMEMBERED_BYTES else None
        if asked is None:
            return None
        head = self._heads.get(lines) or self._parsed_head(lines)
        method, target, is_head = asked
        if head is None or len(body) != head.content_length or (body and method == "GET"):
            return None
        return Request(method, target, head, head.headers, peer, body, is_head)

    def _parsed_head(self, lines: bytes) -> Head | None:
        headers = _headers(lines) if len(lines) <= MAX_HEAD_BYTES else None
        if headers is None:
            return None
        head = Head(headers, int(headers.get("Content-Length", "0")))
        if self._remembered and len(lines) <= _REMEMBERED_BYTES:
            self._heads[lines] = head
            if len(self._heads) > self._remembered:
                self._heads.popitem(last=False)
        return head


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
