"""Lines of a CSV file, whose header names the fields (contract, section 11)."""

from collections.abc import Iterable, Iterator

from shared.http.models import Body
from shared.imports.columns import fields_of
from shared.imports.csv_records import CsvRecords, Record
from shared.imports.decoding import Decoder
from shared.imports.header import layout_of
from shared.imports.lines import MAX_KEPT, Layout, Line, LineError
from shared.imports.rows import Rows
from shared.imports.text_reader import TextReader


class CsvReader(TextReader):
    """A line whose cells are all empty says nothing and is skipped: spreadsheets leave such behind."""

    def __init__(self, decoder: Decoder, fields: type[Body]) -> None:
        super().__init__(decoder)
        self._fields = fields
        self._blank_lines = 0
        self._columns = 0
        self._records = CsvRecords(",")
        self._rows = Rows((), ())

    def _begin(self, lines: Iterator[str]) -> None:
        for line in lines:
            if line.rstrip("\r\n"):
                self._read_header(layout_of(line, self._blank_lines, self._fields))
                return
            self._blank_lines += 1

    def _read_header(self, layout: Layout) -> None:
        self.layout, self._columns, self._has_begun = layout, len(layout.columns), True
        self._records = CsvRecords(layout.separator, self._blank_lines + 1)
        self._rows = Rows(fields_of(self._fields), layout.columns)

    def _read(self, lines: Iterator[str]) -> Iterator[Line]:
        if not self._has_begun:
            self._begin(lines)
        if self._has_begun:
            yield from self._made(self._records.feed(lines))

    def _read_end(self) -> Iterator[Line]:
        return self._made(self._records.close())

    def _made(self, records: Iterable[Record]) -> Iterator[Line]:
        for record in records:
            if record.reason is not None:
                yield self._refused(record)
            elif any(record.cells):
                yield self._line(record)

    def _line(self, record: Record) -> Line:
        number, text, cells, _ = record
        if len(cells) != self._columns and (len(cells) < self._columns or any(cells[self._columns :])):
            reason = f"The line has {len(cells):,} cells, and the header {self._columns:,} columns."
            return Line(number, None, text[:MAX_KEPT], (LineError(None, reason),))
        errors: list[LineError] = []
        values = self._rows.values(cells, errors)
        return Line(number, values, text[:MAX_KEPT], tuple(errors))

    def _refused(self, record: Record) -> Line:
        """With the values of the cells before the fault."""
        cells = [*record.cells[: self._columns], *[""] * (self._columns - len(record.cells))]
        read = self._rows.values(cells, [])
        values = {name: value for name, value in read.items() if value is not None}
        return Line(record.number, values or None, record.text[:MAX_KEPT], (LineError(None, record.reason or ""),))
