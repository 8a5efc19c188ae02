"""Answers as they go over the wire (RFC 9112)."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from shared.http.responses import Answer

_STATUS_LINES: Final = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}
PIECE_BYTES: Final = 64 * 1024
"""Of a body: the rest of a longer one waits until the client has read what is sent, so that a thousand clients who do
not read a document of megabytes cost little."""
_WITHOUT_LENGTH: Final = frozenset({204, 304})
"""RFC 9112, section 6.3: these end with their head."""


@dataclass(slots=True)
class ResponseBytes:
    """`lines` are the header lines, each with its end."""

    status: int
    lines: bytes
    body: bytes

    def message(self, *, last: bool) -> bytes:
        """All of it; the `last` answer of a connection says so."""
        return b"".join((*self._head(last=last), self.body))

    def pieces(self, *, last: bool) -> Iterator[bytes]:
        """The same; each piece may wait until the one before is sent."""
        if len(self.body) <= PIECE_BYTES:
            yield self.message(last=last)
            return
        yield b"".join(self._head(last=last))
        yield from parts(self.body)

    def _head(self, *, last: bool) -> tuple[bytes, bytes, bytes]:
        end = b"Connection: close\r\n\r\n" if last else b"\r\n"
        return status_line(self.status), self.lines, end


def status_line(status: int) -> bytes:
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def parts(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), PIECE_BYTES):
        yield body[start : start + PIECE_BYTES]


def serialize(answer: Answer) -> ResponseBytes:
    """Raises `ValueError` for a header that would end its line."""
    body = answer.text.encode() if answer.content is None else answer.content
    if answer.status in _WITHOUT_LENGTH:
        body = b""
    more = header_lines(answer.headers)
    lines = (
        f"Content-Type: {answer.content_type}\r\n{length_line(answer.status, body)}"
        f"Cache-Control: {answer.caching}\r\n{more}"
    )
    return ResponseBytes(answer.status, lines.encode(), body)


def header_lines(headers: Mapping[str, str]) -> str:
    """Raises `ValueError` for a header that would end its line."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers):
        raise ValueError("The value of a header contains a line break.")
    return lines


def length_line(status: int, body: bytes) -> str:
    """The header line with the length of a body, where an answer with this status has one."""
    return "" if status in _WITHOUT_LENGTH else f"Content-Length: {len(body)}\r\n"


def http_date() -> str:
    """The time as `Date` gives it."""
    return _date_of(int(time.time()))


@lru_cache(1)
def _date_of(second: int) -> str:
    return formatdate(second, usegmt=True)
