"""Plain requests: whole in one read, and with nothing about them that needs a second look.

Nearly all requests of well-behaved clients are. They are answered straight from their connection (`fast_path.py`),
which costs a fifth of aiohttp's way. This reader refuses nobody: whatever is not plain in any respect it leaves to
aiohttp's parser and to all that stands behind it.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

from shared.errors import BadRequest
from shared.http.request_target import Target, checked_host, read_target

MAX_HEAD_BYTES: Final = 8190
MAX_HEADERS: Final = 64
_REMEMBERED_BYTES: Final = 2048
_REQUEST_LINE = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE) (/[\x21-\x7e]*) HTTP/1\.1\Z")
_HEADER_LINES = re.compile(rb"(?:[A-Za-z0-9_-]+: ?(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?\r\n)+\Z")
_LENGTH = re.compile(r"(?:0|[1-9][0-9]{0,8})\Z")
_NEEDS_A_SECOND_LOOK: Final = frozenset(
    {"expect", "http2-settings", "sec-websocket-key1", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""What changes how a message is framed, or what its connection is used for (RFC 9112)."""

Headers = CIMultiDictProxy[str]


@dataclass(slots=True)
class PlainRequest:
    """No header stands in it twice; `head` is its header lines as they were sent, by which others may know it again.

    `peer` is the address at the other end of the connection. A HEAD is the GET whose answer it asks about.
    """

    method: str
    target: Target
    headers: Headers
    head: bytes
    body: bytes
    peer: str
    without_body: bool = False
    """The answer goes without its body."""


class PlainReader:
    """Where clients send their requests themselves, the header lines of each are the same in all of them: those read
    last are `remembered`. A gateway's differ from request to request."""

    def __init__(self, remembered: int = 0) -> None:
        self._remembered = remembered
        self._known: OrderedDict[bytes, tuple[Headers, int]] = OrderedDict()

    def read(self, data: bytes, peer: str) -> PlainRequest | None:
        """The one request that these bytes are; None where they are less, more or anything else."""
        head, end, body = data.partition(b"\r\n\r\n")
        line, _, lines = head.partition(b"\r\n")
        asked = request_line(line) if end and len(line) <= _REMEMBERED_BYTES else None
        known = self._known.get(lines) or self._read_headers(lines)
        if asked is None or known is None:
            return None
        (method, target), (headers, length) = asked, known
        if len(body) != length or (body and method in ("GET", "HEAD")):
            return None
        if method == "HEAD":
            return PlainRequest("GET", target, headers, lines, body, peer, without_body=True)
        return PlainRequest(method, target, headers, lines, body, peer)

    def _read_headers(self, lines: bytes) -> tuple[Headers, int] | None:
        headers = _headers(lines) if len(lines) <= MAX_HEAD_BYTES else None
        if headers is None:
            return None
        known = headers, int(headers.get("Content-Length", "0"))
        if self._remembered and len(lines) <= _REMEMBERED_BYTES:
            self._known[lines] = known
            if len(self._known) > self._remembered:
                self._known.popitem(last=False)
        return known


@lru_cache(2000)
def request_line(line: bytes) -> tuple[str, Target] | None:
    """Method and target; None for what is not plain. The same pages are asked for again and again."""
    asked = _REQUEST_LINE.match(line)
    if asked is None:
        return None
    try:
        return asked[1].decode(), read_target(asked[2].decode())
    except BadRequest:
        return None


def _headers(lines: bytes) -> Headers | None:
    if not _HEADER_LINES.match(lines + b"\r\n"):
        return None
    parted = [line.partition(":") for line in lines.decode().split("\r\n")]
    pairs = [(name, value.strip()) for name, _, value in parted]
    names = {name.lower() for name, _ in pairs}
    if len(names) < len(pairs) or len(names) > MAX_HEADERS or not _NEEDS_A_SECOND_LOOK.isdisjoint(names):
        return None
    headers = CIMultiDictProxy(CIMultiDict(pairs))
    return headers if _are_plain(headers) else None


def _are_plain(headers: Headers) -> bool:
    if headers.get("Connection", "keep-alive").lower() != "keep-alive":
        return False
    try:
        checked_host(headers.getall("Host", []))
    except BadRequest:
        return False
    return _LENGTH.match(headers.get("Content-Length", "0")) is not None
