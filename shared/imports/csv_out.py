"""Lines of a CSV file as exports write them: RFC 4180, UTF-8, and no cell that a spreadsheet takes for a formula.

A spreadsheet runs what begins with `=` and its like as a formula, so a name that somebody chose could run commands on
the computer of whoever opens the file (OWASP, "CSV Injection"). Such a text gets an apostrophe in front, which
`restored` takes away again: what was exported can be imported.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

SEPARATOR: Final = ","
LIST_SEPARATOR: Final = "|"
LINE_END: Final = "\r\n"

_FORMULA: Final = "'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
"""The last four are the full-width forms, which some spreadsheets read as the others. Apostrophes before it may be
those of the text itself, which must be told from the one that is put in front."""
_BEGINS_FORMULA: Final = re.compile(_FORMULA)
_DEFUSED: Final = re.compile(f"'{_FORMULA}")
_SPECIAL: Final = re.compile(f'\\A{_FORMULA}|[",;\t\r\n]|\\A\\s|\\s\\Z')
"""What needs an apostrophe or quotes. Semicolons and tabs separate cells where a spreadsheet's language has them so."""
_TIMESTAMP: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


def csv_line(cells: Sequence[object], separator: str = SEPARATOR) -> bytes:
    """One line of a file with its end. Cells are what JSON knows, and dates, timestamps and lists of all these.

    `None` and the empty text are both an empty cell. A list has a cell for all its items (`listed`); one of objects
    has a column for each of their members (`labels.id`, `labels.name`), each with a list of as many items.
    """
    line = separator.join([_cell(cell) for cell in cells])
    return f"{line or _EMPTY}{LINE_END}".encode()


_EMPTY: Final = '""'
"""A line of one empty cell: without the quotes it would be a blank line, which readers skip."""


def defused(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would take it for a formula."""
    return f"'{text}" if _BEGINS_FORMULA.match(text) else text


def restored(cell: str) -> str:
    """The text that `defused` made this of."""
    return cell[1:] if _DEFUSED.match(cell) else cell


def listed(items: Iterable[object]) -> str:
    """The items with `|` between them; one that has a `|` or a backslash itself has a backslash before each."""
    return LIST_SEPARATOR.join([_plain(item).replace("\\", "\\\\").replace("|", "\\|") for item in items])


def _cell(value: object) -> str:
    """Most are texts, numbers or nothing."""
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return ""
    if type(value) is int:
        return str(value)
    if isinstance(value, list | tuple):
        return _text(listed(value))
    return _plain(value)


def _text(text: str) -> str:
    if not _SPECIAL.search(text):
        return text
    quoted = defused(text).replace('"', '""')
    return f'"{quoted}"'


def _plain(value: object) -> str:
    """Raises `TypeError` for what has no form in a cell: an object has a column for each of its members."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case int() | float():
            return str(value)
        case datetime():
            return value.astimezone(UTC).strftime(_TIMESTAMP)
        case date():
            return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in a cell")
