"""Records of a CSV file (RFC 4180): cells may be in quotes, and then have separators and line ends in them.

A quote that is not closed where it should be must not cost the lines behind it. A record that cannot be read is refused
as the line on which it begins, and reading goes on with the line after that.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from shared.imports.lines import MAX_KEPT, MAX_RECORD, ImportRefused

MAX_READ_AGAIN: Final = 16 * 1024 * 1024
"""Characters that are read a second time because of quotes; a text made for it would have each line read a million
times. How long that takes depends on the lines more than on what is in them, so each counts for `LINE_COSTS` more."""
LINE_COSTS: Final = 50

_QUOTED: Final = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"')
_REST_OF_QUOTED: Final = re.compile(r'([^"]*+(?:""[^"]*+)*+)"')

TOO_LONG: Final = f"The line has more than {MAX_RECORD:,} characters."
_NEVER_CLOSED: Final = "A quote is opened and never closed."
_CLOSED_WITHIN: Final = "A quote is closed within a cell: quotes within quotes are doubled."


class Record(NamedTuple):
    """Where there is a `reason` why it cannot be read, `cells` are those before the fault, in its first line."""

    number: int
    text: str
    cells: Sequence[str]
    reason: str | None = None


class CsvRecords:
    """Makes records of lines, each of which has its end. Blank lines are skipped."""

    def __init__(self, separator: str, lines_before: int = 0) -> None:
        self._separator = separator
        self._line = lines_before
        self._again: deque[str] = deque()
        self._read_again = 0
        self._lines: list[str] = []
        """Those of the record that is being read: its quote is open."""
        self._length = 0
        self._cells: list[str] = []
        self._certain = 0
        """How many of the cells stand before the first quote that was open at the end of a line."""
        self._parts: list[str] = []
        """Of the cell whose quote is open."""

    def feed(self, lines: Iterable[str]) -> Iterator[Record]:
        """Raises `ImportRefused` for too many open quotes."""
        for line in lines:
            if self._lines or '"' in line or len(line) > MAX_RECORD:
                self._again.append(line)
                yield from self._records()
                continue
            self._line += 1
            text = line.rstrip("\r\n")
            if text:
                yield Record(self._line, text, text.split(self._separator))

    def close(self) -> Iterator[Record]:
        while self._lines:
            yield self._failed(_NEVER_CLOSED)
            yield from self._records()

    def _records(self) -> Iterator[Record]:
        while self._again:
            self._line += 1
            record = self._taken(self._again.popleft())
            if record is not None:
                yield record

    def _taken(self, line: str) -> Record | None:
        """The record that ends with this line; None for a blank line, and where a quote is open at its end."""
        self._lines.append(line)
        self._length += len(line)
        if self._length > MAX_RECORD:
            return self._failed(TOO_LONG if len(self._lines) == 1 else _NEVER_CLOSED)
        if not self._parts:
            return self._cells_from(line, 0)
        rest = _REST_OF_QUOTED.match(line)
        if rest is None:
            self._parts.append(line)
            return None
        self._cells.append("".join([*self._parts, rest[1]]).replace('""', '"'))
        self._parts = []
        return self._behind_cell(line, rest.end())

    def _cells_from(self, line: str, place: int) -> Record | None:
        end = len(line.rstrip("\r\n"))
        while True:
            if line.startswith('"', place):
                quoted = _QUOTED.match(line, place)
                if quoted is None:
                    self._parts = [line[place + 1 :]]
                    self._certain = self._certain if len(self._lines) > 1 else len(self._cells)
                    return None
                cell, place = quoted[1].replace('""', '"'), quoted.end()
            else:
                next_cell = line.find(self._separator, place, end)
                cell_end = end if next_cell < 0 else next_cell
                cell, place = line[place:cell_end], cell_end
            self._cells.append(cell)
            if place == end:
                return self._whole()
            if line[place] != self._separator:
                return self._closed_within()
            place += 1

    def _behind_cell(self, line: str, place: int) -> Record | None:
        if line.startswith(self._separator, place):
            return self._cells_from(line, place + 1)
        return self._closed_within() if line[place:].rstrip("\r\n") else self._whole()

    def _closed_within(self) -> Record:
        """The last of the cells is not what it was meant to be."""
        self._certain = self._certain if len(self._lines) > 1 else len(self._cells) - 1
        return self._failed(_CLOSED_WITHIN)

    def _whole(self) -> Record | None:
        text, cells = "".join(self._lines).rstrip("\r\n"), self._cells
        number = self._line - len(self._lines) + 1
        self._begin()
        return Record(number, text, cells) if text else None

    def _failed(self, reason: str) -> Record:
        first, *others = self._lines
        self._line -= len(others)
        self._again.extendleft(reversed(others))
        self._read_again += self._length - len(first) + LINE_COSTS * len(others)
        if self._read_again > MAX_READ_AGAIN:
            raise ImportRefused(f"Quotes are opened and not closed again and again, last in line {self._line:,}.")
        record = Record(self._line, first[:MAX_KEPT].rstrip("\r\n"), self._cells[: self._certain], reason)
        self._begin()
        return record

    def _begin(self) -> None:
        self._lines, self._cells, self._parts = [], [], []
        self._length = self._certain = 0
