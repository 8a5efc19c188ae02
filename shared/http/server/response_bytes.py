"""Answers as they go over the wire (RFC 9112), for whoever writes them without aiohttp."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp.helpers import rfc822_formatted_time

from shared.http.responses import Answer

_STATUS_LINES: Final = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}
WITHOUT_LENGTH: Final = frozenset({204, 304})
"""RFC 9112, section 6.3: these end with their head."""


@dataclass(slots=True)
class Written:
    """`head` is the status line and the header lines, each with its end; `body` comes behind the empty line."""

    head: bytes
    body: bytes

    def message(self, *, last: bool) -> bytes:
        """All of it; the `last` answer of a connection says so."""
        return self.head + (b"Connection: close\r\n\r\n" if last else b"\r\n") + self.body


def status_line(status: int) -> bytes:
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def written(answer: Answer, request_id: str) -> Written:
    """Raises `ValueError` for a header that would end its line."""
    body = b"" if answer.status in WITHOUT_LENGTH else answer.text.encode()
    length = "" if answer.status in WITHOUT_LENGTH else f"Content-Length: {len(body)}\r\n"
    more = "".join([f"{name}: {value}\r\n" for name, value in answer.headers.items()])
    if more.count("\n") != len(answer.headers):
        raise ValueError("A header's value holds a line's end.")
    head = (
        f"Content-Type: application/json; charset=utf-8\r\n{length}"
        f"Date: {rfc822_formatted_time()}\r\nX-Request-Id: {request_id}\r\nCache-Control: {answer.caching}\r\n{more}"
    )
    return Written(status_line(answer.status) + head.encode(), body)
