"""What the readers of text files share: bytes become lines of text, and a fault comes behind the lines before it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final

from shared.imports.decoding import Decoder
from shared.imports.lines import MAX_LINES, ImportRefused, Layout, Line
from shared.imports.text_lines import TextLines

EMPTY: Final = "The file is empty."


class TextReader(ABC):
    """A `LineReader`, for those who say what comes of lines of text."""

    layout: Layout | None = None

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._lines = TextLines()
        self._line_feeds = self._returns = 0
        """Those that were checked; there may be one of each in a line's end."""
        self._has_begun = False
        """Whether the file is known not to be empty, and of a CSV file, its header is."""

    def feed(self, piece: bytes) -> Iterator[Line]:
        yield from self._read(self._lines.feed(self._decoder.feed(piece)))
        self._require_readable()

    def close(self) -> Iterator[Line]:
        yield from self._read(self._lines.feed(self._decoder.close()))
        self._require_readable()
        yield from self._read(self._lines.close())
        self._require_begun()
        yield from self._read_end()

    def check(self, piece: bytes) -> None:
        self._check_text(self._decoder.feed(piece))

    def check_end(self) -> None:
        self._check_text(self._decoder.close())
        if not self._has_begun:
            self._begin(self._lines.close())
        self._require_begun()

    def _check_text(self, text: str) -> None:
        self._line_feeds += text.count("\n")
        self._returns += text.count("\r")
        if max(self._line_feeds, self._returns) > MAX_LINES:
            raise ImportRefused(f"The file has more than {MAX_LINES:,} lines. Send it as several.")
        if not self._has_begun:
            self._begin(self._lines.feed(text))
        self._require_readable()

    def _require_readable(self) -> None:
        if self._decoder.refusal is not None:
            raise self._decoder.refusal

    def _require_begun(self) -> None:
        if not self._has_begun:
            raise ImportRefused(EMPTY)

    @abstractmethod
    def _begin(self, lines: Iterator[str]) -> None:
        """Takes the lines up to the one with which the file begins, if it is among them."""

    @abstractmethod
    def _read(self, lines: Iterator[str]) -> Iterator[Line]: ...

    def _read_end(self) -> Iterator[Line]:
        """What is left once all lines were read."""
        return iter(())
