"""A list as a spreadsheet (.xlsx): written row by row to a file, which is sent once it is whole."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import xlsxwriter
from pydantic import BaseModel

from shared.exports.columns import Column, columns_of
from shared.imports.csv_out import listed

MOST_ROWS: Final = 100_000
"""More take longer than a client waits for the first byte; such a list can be had as lines."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of the rows, as they wait to be put together: where /tmp is memory, they take it from the process."""
READ_BYTES: Final = 64 * 1024
_LARGEST_NUMBER: Final = 2**53
"""Above it a spreadsheet rounds: ids that are greater become texts."""
_LONGEST_TEXT: Final = 32_767


class Spreadsheet:
    """One sheet with a header, in a folder of its own until it is closed. Calls take processor time: they belong in a
    thread, one after the other."""

    def __init__(self, title: str, item: type[BaseModel]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="muster-export-")
        self._path = Path(self._folder.name) / "export.xlsx"
        self._columns = columns_of(item)
        options = {"constant_memory": True, "tmpdir": self._folder.name, "strings_to_urls": False}
        self._book = xlsxwriter.Workbook(str(self._path), options)
        self._sheet = self._book.add_worksheet(title[:31])
        self._time = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._write_header()
        self.rows = 0

    def add(self, items: Sequence[Mapping[str, Any]]) -> None:
        for item in items:
            self.rows += 1
            for place, column in enumerate(self._columns):
                self._write(self.rows, place, column, column.cell(item))

    def is_too_large(self) -> bool:
        held = sum(file.stat().st_size for file in Path(self._folder.name).iterdir())
        return self.rows > MOST_ROWS or held > MOST_BYTES

    def finish(self) -> None:
        """Puts the file together; then it can be read."""
        self._sheet.autofilter(0, 0, self.rows, len(self._columns) - 1)
        self._book.close()

    def parts(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while part := file.read(READ_BYTES):
                yield part

    def close(self) -> None:
        """Leaves nothing behind."""
        self._folder.cleanup()

    def _write_header(self) -> None:
        bold = self._book.add_format({"bold": True})
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(self._columns) - 1, 20)
        for place, column in enumerate(self._columns):
            self._sheet.write_string(0, place, column.name, bold)

    def _write(self, row: int, place: int, column: Column, value: Any) -> None:
        """A text is written as one, whatever it begins with: it is no formula."""
        if isinstance(value, list):
            value = listed(value)
        match value:
            case None | "":
                return
            case bool():
                self._sheet.write_boolean(row, place, value)
            case int() | Decimal() if -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER:
                self._sheet.write_number(row, place, value)
            case str() if column.is_timestamp:
                self._sheet.write_datetime(row, place, datetime.fromisoformat(value.removesuffix("Z")), self._time)
            case _:
                self._sheet.write_string(row, place, str(value)[:_LONGEST_TEXT])
