"""The header of a CSV file: what separates its cells, and which column each of them is in."""

from collections.abc import Iterable, Sequence
from typing import Final

from shared.errors import shortened
from shared.http.models import Body
from shared.imports.columns import Field, column_names, fields_of
from shared.imports.csv_records import CsvRecords, Record
from shared.imports.lines import MAX_RECORD, ImportRefused, Layout

MAX_COLUMNS: Final = 200
IGNORED: Final = "#"
"""How the names of columns begin that nobody reads: those with the reasons, in a file that was made for repair."""

_SEPARATORS: Final = (",", ";", "\t")


def layout_of(line: str, lines_before: int, model: type[Body]) -> Layout:
    """What the first line says; raises `ImportRefused`.

    The separator is the one between the most names that are known.
    """
    if len(line) > MAX_RECORD:
        raise ImportRefused(f"The header has more than {MAX_RECORD:,} characters.")
    known = frozenset(column_names(model))
    readings = [(separator, _read(line, lines_before, separator)) for separator in _SEPARATORS]
    separator, header = max(readings, key=lambda reading: _rank(reading[1], known))
    if header.reason is not None:
        raise ImportRefused(f"The header in line {header.number} cannot be read. {header.reason}")
    layout = Layout(_named(header.cells), separator)
    _check(layout.columns, known)
    _check_required(fields_of(model), frozenset(layout.columns))
    return layout


def _read(line: str, lines_before: int, separator: str) -> Record:
    records = CsvRecords(separator, lines_before)
    return next(iter([*records.feed([line]), *records.close()]))


def _rank(header: Record, known: frozenset[str]) -> tuple[int, int]:
    names = [cell.strip() for cell in header.cells]
    return sum(name in known or name.startswith(IGNORED) for name in names), len(names)


def _named(cells: Iterable[str]) -> Sequence[str]:
    """The names, without what only ends the line: some programs write a separator behind the last one too."""
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _check(columns: Sequence[str], known: frozenset[str]) -> None:
    if len(columns) > MAX_COLUMNS:
        raise ImportRefused(f"The header has {len(columns):,} columns; {MAX_COLUMNS} are allowed.")
    wanted = [name for name in columns if not name.startswith(IGNORED)]
    for place, name in enumerate(wanted):
        if name in wanted[:place]:
            raise ImportRefused(f'The header has the column "{shortened(name)}" more than once.')
        if name not in known:
            raise ImportRefused(
                f"The header has {_called(name)}, which is not known. The first line names the columns after the"
                f" fields: {', '.join(sorted(known))}."
            )


def _called(name: str) -> str:
    return f'the column "{shortened(name)}"' if name else "a column without a name"


def _check_required(fields: Iterable[Field], columns: frozenset[str]) -> None:
    """Each line would be refused otherwise. What an object requires is needed where it has a column at all."""
    for field in fields:
        given = columns.intersection(field.columns())
        if field.is_required and not given:
            raise ImportRefused(f'The header lacks the column "{next(field.columns())}", which is required.')
        if given:
            _check_required(field.members, columns)
