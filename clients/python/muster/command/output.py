"""What a command answers: JSON for programs, a table on a terminal, elsewhere lines with tabs between the cells."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from muster.progress import printable

Row = Mapping[str, Any]
Columns = Mapping[str, str]
"""The heading of each column, and where its cell is in a row: `course.title`."""

_AT_ONCE: Final = 200
"""Rows of a table, whose columns are as wide as those need."""
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?(?:Z|\+00:00)\Z")


class Output:
    """Standard output. JSON has every field as it came, also those of a newer server; a table has some."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console = console
        self._as_json = as_json

    def rows(self, rows: Iterable[Row], columns: Columns, *, heading: bool = True) -> int:
        """As they come; how many there were. As JSON, each is a line of its own; `heading` is of what is no JSON."""
        counted = _Counted(rows)
        if self._as_json:
            for row in counted:
                self._line(json.dumps(row, ensure_ascii=False))
        elif self._console.is_terminal:
            for part in _batches(counted):
                self._console.print(_table(part, columns, heading))
        else:
            self._lines(counted, columns, heading)
        return counted.count

    def row(self, row: Row) -> None:
        """Everything that one has: as JSON, a single line."""
        if self._as_json:
            self._line(json.dumps(row, ensure_ascii=False))
            return
        for name, value in _flat(row):
            if self._console.is_terminal:
                self._console.print(Text.assemble((f"{name}: ", "bold"), _shown(value)), soft_wrap=True)
            else:
                self._line(f"{name}\t{_cell(value)}")

    def _lines(self, rows: Iterable[Row], columns: Columns, heading: bool) -> None:
        left = iter(rows)
        first = next(left, None)  # where there is an error instead, it has no heading
        if heading:
            self._line("\t".join(columns))
        for row in chain(() if first is None else (first,), left):
            self._line("\t".join(_cell(at(row, place)) for place in columns.values()))

    def _line(self, text: str) -> None:
        file: TextIO = self._console.file  # type: ignore[assignment]
        file.write(f"{text}\n")
        file.flush()


class _Counted:
    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.count += 1
            yield row


def _batches(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    left = iter(rows)
    while part := list(islice(left, _AT_ONCE)):
        yield part


def _table(rows: Iterable[Row], columns: Columns, heading: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=heading)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(at(row, place))) for place in columns.values()))
    return table


def at(row: Row, place: str) -> Any:
    """What stands at `course.title`; None where there is no such thing."""
    value: Any = row
    for name in place.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _flat(row: Row, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, value


def _cell(value: Any) -> str:
    """In one line, without what a terminal would take for a command."""
    return printable(" ".join(_text(value).splitlines())).replace("\t", " ")


def _shown(value: Any) -> str:
    """For a person: without seconds."""
    return _MOMENT.sub(r"\1 \2Z", _cell(value))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(each, Mapping | list) for each in value):
        return ", ".join(map(_text, value))
    return json.dumps(value, ensure_ascii=False)
