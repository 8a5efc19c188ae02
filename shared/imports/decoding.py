"""The bytes of a file as text, in whatever pieces they come."""

import codecs
from collections.abc import Mapping
from typing import Final

from shared.imports.lines import ImportRefused

UTF_8: Final = "utf-8"
UTF_16: Final = "utf-16"

_CHARSETS: Final[Mapping[str, str]] = {
    "utf-8": UTF_8,
    "utf8": UTF_8,
    "us-ascii": UTF_8,
    "utf-16": UTF_16,
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "windows-1252": "windows-1252",
    "iso-8859-1": "windows-1252",
    "latin1": "windows-1252",
    "iso-8859-15": "iso-8859-15",
}
"""Python's codecs by the names of charsets (IANA). Who says Latin-1 writes Windows's: the WHATWG's Encoding Standard
reads it so for that reason, and a file of letters alone is the same in both."""

_LONGEST_SIGNATURE: Final = 4
_SIGNATURES: Final[Mapping[bytes, str]] = {
    b"PK\x03\x04": "The file is a zip archive or an .xlsx spreadsheet. Save it as CSV, and send that.",
    b"\xd0\xcf\x11\xe0": "The file is an .xls spreadsheet. Save it as CSV, and send that.",
    b"\x1f\x8b": "The file is compressed with gzip. Send it with Content-Encoding: gzip.",
    b"%PDF": "The file is a PDF. Send CSV or NDJSON.",
}
_BOM: Final = "\ufeff"


def known_charset(name: str | None) -> str:
    """The codec of a charset's name, UTF-8 for none; raises `ImportRefused` for one that is not known."""
    codec = _CHARSETS.get(name.lower()) if name else UTF_8
    if codec is None:
        raise ImportRefused(f'The charset "{name}" is not known. It can be {", ".join(_CHARSETS)}.')
    return codec


class Decoder:
    """Text of a file's bytes, without a byte order mark at its beginning.

    What cannot be read is kept as `refusal`, so that whoever feeds it can first hand on the text before the fault.
    """

    def __init__(self, codec: str = UTF_8) -> None:
        self.refusal: ImportRefused | None = None
        self._codec = codec
        self._decoder = codecs.getincrementaldecoder(codec)()
        self._beginning: bytes | None = b""
        self._fed = 0
        self._has_text = False
        self._as_utf_8 = None if codec.startswith("utf-") else codecs.getincrementaldecoder(UTF_8)()
        """Reads along: to a charset of single bytes all bytes are letters, also those of a file in UTF-8."""
        self._has_letters = False

    def feed(self, piece: bytes, is_last: bool = False) -> str:
        if self._beginning is not None:
            self._beginning += piece
            if len(self._beginning) < _LONGEST_SIGNATURE and not is_last:
                return ""
            piece, self._beginning = self._beginning, None
            self.refusal = _by_signature(piece, self._codec)
        if self.refusal is not None:
            return ""
        text = self._stripped(self._without_nul(self._decoded(piece, is_last)))
        self._look_for_utf_8(piece, is_last)
        return text

    def close(self) -> str:
        return self.feed(b"", is_last=True)

    def _decoded(self, piece: bytes, is_last: bool) -> str:
        pending = self._decoder.getstate()[0]
        try:
            text = self._decoder.decode(piece, is_last)
        except UnicodeDecodeError as error:
            self._refuse_byte(self._fed - len(pending) + error.start, error.object[error.start])
            return self._before(error)
        except UnicodeError:
            self.refusal = ImportRefused("The file has no byte order mark: say charset=utf-16le or charset=utf-16be.")
            return ""
        self._fed += len(piece)
        return text

    def _before(self, error: UnicodeDecodeError) -> str:
        """The decoder's state is from before the piece, whose valid beginning it reads again."""
        kept = len(self._decoder.getstate()[0])
        return self._decoder.decode(error.object[kept : error.start])

    def _refuse_byte(self, place: int, byte: int) -> None:
        self.refusal = ImportRefused(
            f"The file is not {self._codec.upper()}: byte {place + 1:,} is 0x{byte:02X}. Say its charset, as in"
            " Content-Type: text/csv; charset=windows-1252, or save it as UTF-8."
        )

    def _look_for_utf_8(self, piece: bytes, is_last: bool) -> None:
        """If all letters beyond ASCII are well-formed UTF-8, they are that: nobody writes `MÃ¼ller`."""
        if self._as_utf_8 is None:
            return
        try:
            self._has_letters |= not self._as_utf_8.decode(piece, is_last).isascii()
        except UnicodeDecodeError:
            self._as_utf_8 = None
            return
        if is_last and self._has_letters and self.refusal is None:
            self.refusal = _in_utf_8(self._codec)

    def _without_nul(self, text: str) -> str:
        place = text.find("\0")
        if place < 0:
            return text
        self.refusal = ImportRefused("The file has a NUL character: it is no text, or in UTF-16. Save it as UTF-8.")
        return text[:place]

    def _stripped(self, text: str) -> str:
        if self._has_text or not text:
            return text
        self._has_text = True
        return text.removeprefix(_BOM)


def _by_signature(beginning: bytes, codec: str) -> ImportRefused | None:
    for signature, message in _SIGNATURES.items():
        if beginning.startswith(signature):
            return ImportRefused(message)
    if beginning.startswith(codecs.BOM_UTF8) and codec != UTF_8:
        return _in_utf_8(codec)
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not codec.startswith(UTF_16):
        return ImportRefused("The file is in UTF-16. Say so, as in Content-Type: text/csv; charset=utf-16.")
    return None


def _in_utf_8(codec: str) -> ImportRefused:
    return ImportRefused(f"The file is in UTF-8, and not in {codec.upper()}: leave out the charset.")
