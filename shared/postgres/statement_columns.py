"""Many rows for one statement: an array for each column, in an order that only this module has to know.

_NEW = ArrayColumns(organisation_id="bigint", id="bigint", title="text")
_SAVE = f"INSERT INTO courses ({_NEW.names}) SELECT {_NEW.names} FROM {_NEW.unnest('new')}"
await connection.execute(_SAVE, *_NEW.arrays([{"organisation_id": 1, "id": 7, "title": "First aid"}]))
"""

from collections.abc import Iterable, Mapping
from typing import Any


class ArrayColumns:
    """The columns of a statement's rows with their PostgreSQL types."""

    def __init__(self, **types: str) -> None:
        self._types = types

    @property
    def names(self) -> str:
        """The list of columns of an INSERT or a SELECT."""
        return ", ".join(self._types)

    def unnest(self, alias: str, *, ordinality: str = "") -> str:
        """The rows as a FROM item, from parameter `$1` on; `ordinality` names a column with their order, from 1."""
        arrays = ", ".join(f"${place}::{type_}[]" for place, type_ in enumerate(self._types.values(), 1))
        if not ordinality:
            return f"unnest({arrays}) AS {alias} ({self.names})"
        return f"unnest({arrays}) WITH ORDINALITY AS {alias} ({self.names}, {ordinality})"

    def updates(self, source: str, *keys: str) -> str:
        """The assignments of an UPDATE that takes all columns but `keys` from `source`, such as `excluded`."""
        return ", ".join(f"{name} = {source}.{name}" for name in self._types if name not in keys)

    def arrays(self, rows: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
        """The statement's arguments; raises `ValueError` for a row with other columns than these."""
        columns: list[list[Any]] = [[] for _ in self._types]
        for row in rows:
            if row.keys() != self._types.keys():
                raise ValueError(f"columns {sorted(row.keys() ^ self._types.keys())} are missing or unknown")
            for column, name in zip(columns, self._types, strict=True):
                column.append(row[name])
        return columns
