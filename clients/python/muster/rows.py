"""The rows of an export, counted as it comes."""

import csv
import json
from typing import Final

_TAIL_BYTES: Final = 4096
"""Longer than any line that says why an export has failed."""
_CSV_ERROR: Final = "#error,"
_NDJSON_ERROR: Final = '{"error":'


class RowCounter:
    """Of CSV, the first row has the names of the columns and is not counted; line ends within quotes end no row."""

    def __init__(self, *, is_csv: bool) -> None:
        self._is_csv = is_csv
        self._ends = 0
        self._is_quoted = False
        self._tail = b""
        self._size = 0

    def add(self, piece: bytes) -> int:
        """How many rows have come with this piece and those before."""
        self._tail = (self._tail + piece)[-_TAIL_BYTES:]
        self._size += len(piece)
        self._ends += self._line_ends(piece)
        return max(self._ends - self._is_csv, 0)

    def _line_ends(self, piece: bytes) -> int:
        if not self._is_csv or (not self._is_quoted and b'"' not in piece):
            return piece.count(b"\n")
        parts = piece.split(b'"')
        found = sum(part.count(b"\n") for part in parts[self._is_quoted :: 2])
        self._is_quoted ^= len(parts) % 2 == 0
        return found

    def error(self) -> str | None:
        """What the last line says, if it says why the export has failed (the API's contract, section 1)."""
        _, end, last = self._tail.decode(errors="replace").rstrip("\r\n").rpartition("\n")
        if not end and self._size > len(self._tail):
            return None
        return _csv_error(last) if self._is_csv else _ndjson_error(last)


def _csv_error(line: str) -> str | None:
    """A cell that has such a line in it ends with its quote: the line has an odd number of them."""
    if not line.startswith(_CSV_ERROR) or line.count('"') % 2:
        return None
    cells = next(csv.reader([line]))
    return cells[2] if len(cells) > 2 else cells[1]


def _ndjson_error(line: str) -> str | None:
    if not line.startswith(_NDJSON_ERROR):
        return None
    try:
        return str(json.loads(line)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return line
