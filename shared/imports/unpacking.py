"""Bodies compressed with gzip (RFC 1952), unpacked piece by piece and no further than a bound."""

import zlib
from collections.abc import Iterator
from typing import Final

from shared.errors import PayloadTooLarge
from shared.imports.lines import ImportRefused

PIECE: Final = 256 * 1024
"""Bytes that are unpacked at once."""
MAX_MEMBERS: Final = 10_000
"""A file may be several that were joined; each costs something even where there is nothing in it."""
_GZIP: Final = zlib.MAX_WBITS | 16


class Unpacked:
    """Unpacks a body of one or more members into at most `most` bytes.

    Both methods raise `ImportRefused` for what is no gzip, ends too early or has something else behind it. What unpacks
    to too much raises `PayloadTooLarge` as soon as it does.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._unpacked = 0
        self._members = 0
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False
        """Whether the member has any bytes."""
        self._padded = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            if self._padded or (self._members and not self._begun):
                piece = self._behind_member(piece)
                if not piece:
                    return
            self._begun = True
            yield from self._parts(piece)
            piece = self._member.unused_data
            if self._member.eof:
                self._next_member()

    def close(self) -> None:
        if self._begun or not self._members:
            raise ImportRefused("The compressed file ends too early.")

    def _parts(self, piece: bytes) -> Iterator[bytes]:
        """Of one member. What is left over once all input is used is fetched too."""
        is_full = True
        while not self._member.eof and (piece or is_full):
            try:
                part = self._member.decompress(piece, PIECE)
            except zlib.error:
                raise ImportRefused("The file is not what Content-Encoding says: its gzip data is damaged.") from None
            is_full = len(part) == PIECE
            self._unpacked += len(part)
            if self._unpacked > self._most:
                raise PayloadTooLarge(f"The body unpacks to more than {self._most:,} bytes.")
            if part:
                yield part
            piece = self._member.unconsumed_tail

    def _next_member(self) -> None:
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise ImportRefused(f"The compressed file has more than {MAX_MEMBERS:,} members.")
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False

    def _behind_member(self, piece: bytes) -> bytes:
        """What follows the zeros that pad some files."""
        rest = piece.lstrip(b"\0")
        self._padded = self._padded or len(rest) < len(piece)
        if rest and (self._padded or rest[:1] != b"\x1f"):
            raise ImportRefused("The compressed file has something else behind its end.")
        return rest
