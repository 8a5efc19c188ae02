"""Where one message ends and the next begins, in the eyes of any server (RFC 9112)."""

import re
from dataclasses import dataclass
from typing import Final

from aiohttp import StreamReader
from aiohttp.http import HttpVersion10, HttpVersion11, RawRequestMessage
from yarl import URL

from shared.http.request import METHODS

MAX_HEAD_BYTES: Final = 32 * 1024
"""Of the request line and all header lines together."""
MAX_CHUNK_OVERHEAD: Final = 16 * 1024
"""Bytes of chunk sizes, extensions and trailers that a body may bring beyond as many as it has itself."""
_HEAD_END: Final = b"\r\n\r\n"
_KNOWN_BEGINNINGS: Final = tuple(f"{method} ".encode() for method in sorted(METHODS))
_TOKEN: Final = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_LONGEST_METHOD: Final = 64
_STAND_IN: Final = b"PROPFIND"
"""A method that the parser reads and that is not implemented here."""
_ABSOLUTE: Final = re.compile(r"https?://([^/?#]+)(.*)\Z", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class Incoming:
    """Which part of a message comes next on a connection."""

    head_bytes: int = 0
    """Of a head that has not ended yet."""
    _body: StreamReader | None = None
    _length: int | None = None
    _received: int = 0
    _at_start: bool = True
    _line_bytes: int = 0
    _line_ended: bool = False

    @property
    def unfinished_body(self) -> StreamReader | None:
        return None if self._body is None or self._body.is_eof() else self._body

    def next_piece(self, data: bytes) -> tuple[bytes, bytes]:
        """The bytes that end no later than the part they belong to, and the rest.

        The parser drops the valid requests of a piece in which it finds a malformed one. Behind a chunked body the
        rest is one piece: only the parser knows where that ends.
        """
        body = self.unfinished_body
        if body is not None:
            cut = 0 if self._length is None else self._length - body.total_bytes
            cut = cut or len(data)
            return data[:cut], data[cut:]
        end = data.find(_HEAD_END)
        cut = len(data) if end < 0 else end + len(_HEAD_END)
        piece = data[:cut]
        return with_readable_method(piece) if self._at_start else piece, data[cut:]

    def has_begun(self, message: RawRequestMessage, body: StreamReader, piece: bytes) -> None:
        """The head of a message has ended in this piece."""
        self._at_start = body.is_eof() and piece.endswith(_HEAD_END)
        self._body = None if body.is_eof() else body
        if self._body is not None:
            self._length = None if message.chunked else int(message.headers["Content-Length"])
        self._received = self.head_bytes = self._line_bytes = 0
        self._line_ended = False

    def has_continued(self, piece: bytes, body: StreamReader | None) -> None:
        """No head has ended in this piece; `body` is the one that was unfinished before it."""
        if body is None:
            self._at_start = self._at_start and not piece
            self._line_bytes = self.line_bytes_with(piece)
            self._line_ended = self._line_ended or b"\r\n" in piece.lstrip(b"\r\n")
            self.head_bytes += len(piece)
            return
        self._received += len(piece)
        self._at_start = body.is_eof() and (self._length is not None or piece.endswith(_HEAD_END))

    def line_bytes_with(self, piece: bytes) -> int:
        """How long the request line is as far as it has come."""
        if self._line_ended:
            return self._line_bytes
        return self._line_bytes + len(piece.lstrip(b"\r\n").partition(b"\r\n")[0])

    def has_too_much_overhead(self) -> bool:
        """Whether the chunks of a body cost more than they carry."""
        body = self.unfinished_body
        if body is None or self._length is not None:
            return False
        return self._received - body.total_bytes > MAX_CHUNK_OVERHEAD + body.total_bytes


def with_readable_method(head: bytes) -> bytes:
    """The parser knows some forty methods, and closes the connection on any other: it is given one of those instead.

    All but CONNECT are framed alike, so the answer (501) need not end the connection.
    """
    if head.startswith(_KNOWN_BEGINNINGS):
        return head
    method = head[: max(0, head.find(b" ", 0, _LONGEST_METHOD + 1))]
    if not method or not _TOKEN.issuperset(method):
        return head
    return _STAND_IN + head[len(method) :]


def is_framed_well(message: RawRequestMessage) -> bool:
    """Whether its version is one spoken here, and any other server would find the same end of it.

    RFC 9112, section 6.1: a coding that is not understood, or HTTP/1.0 with one, makes the framing faulty. CONNECT
    is no request at all to a server that is no proxy, and what follows it need not be HTTP.
    """
    if message.method == "CONNECT":
        return False
    coding = message.headers.get("Transfer-Encoding")
    if coding is None:
        return message.version in (HttpVersion10, HttpVersion11)
    return message.version == HttpVersion11 and coding.lower() == "chunked"


def in_origin_form(message: RawRequestMessage) -> RawRequestMessage:
    """An absolute target becomes a plain one where its host is that of `Host` (RFC 9112, section 3.2.2).

    Any other stays as it is, and is refused as a target.
    """
    absolute = _ABSOLUTE.match(message.path)
    if absolute is None:
        return message
    host, target = absolute[1], absolute[2]
    if [given.lower() for given in message.headers.getall("Host", [])] != [host.lower()]:
        return message
    raw = target if target.startswith("/") else f"/{target}"
    path, _, query = raw.partition("?")
    return message._replace(path=raw, url=URL.build(path=path, query_string=query, encoded=True))
