"""A text's lines, in whatever pieces it comes: each ends with CRLF, LF or CR, and the ends may be mixed."""

import re
from collections.abc import Iterator
from typing import Final

from shared.imports.lines import MAX_RECORD, ImportRefused

MAX_LINE: Final = 16 * 1024 * 1024
"""Characters within which the end of a line is looked for, though no more than `MAX_RECORD` of them are kept."""

_LINE: Final = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)")
"""Not `str.splitlines`: it also splits at form feeds and Unicode's separators, which may stand within a cell."""


class TextLines:
    """Splits a text into its lines, each with its end.

    A line of more than `MAX_RECORD` characters is cut off to one more than these, so it can be told by its length.
    """

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._length = 0
        self._returned = False
        """Whether the piece before ended with a CR, which may be half of a CRLF."""

    def feed(self, text: str) -> Iterator[str]:
        """Raises `ImportRefused` for a line whose end is too far."""
        if self._returned:
            text, self._returned = f"\r{text}", False
        if text.endswith("\r"):
            text, self._returned = text[:-1], True
        end = max(text.rfind("\n"), text.rfind("\r")) + 1
        for line in _LINE.findall(text, 0, end):
            yield self._whole(line) if self._length or len(line) > MAX_RECORD else line
        self._keep(text[end:])

    def close(self) -> Iterator[str]:
        if self._returned:
            self._returned = False
            yield self._whole("\r")
        elif self._length:
            yield self._whole("")

    def _whole(self, ending: str) -> str:
        self._keep(ending)
        line = "".join(self._kept)
        self._kept, self._length = [], 0
        return line

    def _keep(self, part: str) -> None:
        room = MAX_RECORD + 1 - self._length
        if room > 0 and part:
            self._kept.append(part[:room])
        self._length += len(part)
        if self._length > MAX_LINE:
            raise ImportRefused(f"The file has a line of more than {MAX_LINE:,} characters.")
