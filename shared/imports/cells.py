"""Cells as values of JSON's types, by what the JSON Schema of their field says."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

from shared.imports.csv_out import LIST_SEPARATOR, restored

Read = Callable[[str], Any]
"""The value of a cell that is not empty; raises `ValueError` with the reason."""
Schema = Mapping[str, Any]

_WHOLE: Final = re.compile(r"-?[0-9]{1,19}\Z")
_NUMBER: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?\Z")
MAX_ITEMS: Final = 1_000
"""Of a list in one cell; no field allows as many."""
_FLAGS: Final = {"true": True, "false": False}
_ITEMS: Final = re.compile(r"(?:[^|\\]|\\[|\\]?)*+")
"""An item with what is escaped in it: a backslash before anything else stands for itself."""
_ESCAPED: Final = re.compile(r"\\([|\\])")


def text(cell: str) -> str:
    return restored(cell) if cell[0] == "'" else cell


def whole_number(cell: str) -> int:
    """Zeros may stand in front: a system that pads its numbers means the same ones."""
    if not _WHOLE.match(cell.strip()):
        raise ValueError("Must be a whole number.")
    return int(cell)


def number(cell: str) -> Decimal:
    if not _NUMBER.match(cell.strip()):
        raise ValueError("Must be a number with a decimal point, like 12.5.")
    return Decimal(cell.strip())


def flag(cell: str) -> bool:
    """Spreadsheets write them in capitals."""
    value = _FLAGS.get(cell.strip().lower())
    if value is None:
        raise ValueError("Must be true or false.")
    return value


def items(cell: str) -> list[str]:
    """Those of a list, with `|` between them (`shared.imports.csv_out.listed`); raises `ValueError` for too many."""
    cell = text(cell)
    if cell.count(LIST_SEPARATOR) >= MAX_ITEMS:
        raise ValueError(f"Must have at most {MAX_ITEMS:,} items.")
    if "\\" not in cell:
        return cell.split(LIST_SEPARATOR)
    found: list[str] = []
    place = -1
    while place < len(cell):
        item = _ITEMS.match(cell, place + 1)
        assert item is not None  # noqa: S101  # it also matches nothing
        found.append(_ESCAPED.sub(r"\1", item[0]))
        place = item.end()
    return found


def _list_of(read: Read, cell: str) -> list[Any]:
    return [read(item) if item else None for item in items(cell)]


_READS: Final[Mapping[str, Read]] = {"string": text, "integer": whole_number, "number": number, "boolean": flag}


def read_of(schema: Schema) -> Read | None:
    """What reads the cells of a field; None for one that is neither of a simple type nor a list of such."""
    kind = schema.get("type")
    if kind == "array":
        read_item = read_of(schema.get("items", {}))
        return None if read_item is None else partial(_list_of, read_item)
    return _READS.get(str(kind))
