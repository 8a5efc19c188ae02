"""Many rows for one statement: an array for each column, in an order that only this module has to know.

_NEW = ArrayColumns(organisation_id="bigint", id="bigint", title="text", label_ids="bigint[]")
_SAVE = f"INSERT INTO courses ({_NEW.names}) SELECT {_NEW.values} FROM {_NEW.unnest('new')}"
await connection.execute(_SAVE, *_NEW.arrays([{"organisation_id": 1, "id": 7, "title": "First aid", …}]))
"""

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from shared.postgres.audit import json_value

_LIST = "[]"
_KEY = ("organisation_id", "id")


class ArrayColumns:
    """The columns of a statement's rows with their PostgreSQL types.

    PostgreSQL has no array of arrays of different lengths: a column of lists, `bigint[]`, goes in as JSON, and `values`
    makes lists of it.
    """

    def __init__(self, **types: str) -> None:
        self._types = types
        self._names = frozenset(types)

    @property
    def names(self) -> str:
        """The list of columns of an INSERT."""
        return ", ".join(self._types)

    @property
    def values(self) -> str:
        """The list of a SELECT from `unnest` that gives each column in its type."""
        return ", ".join(
            f"ARRAY (SELECT jsonb_array_elements_text({name})::{type_.removesuffix(_LIST)})"
            if type_.endswith(_LIST)
            else name
            for name, type_ in self._types.items()
        )

    def unnest(self, alias: str, *, ordinality: str = "") -> str:
        """The rows as a FROM item, from parameter `$1` on; `ordinality` names a column with their order, from 1."""
        arrays = ", ".join(
            f"${place}::{'jsonb' if type_.endswith(_LIST) else type_}[]"
            for place, type_ in enumerate(self._types.values(), 1)
        )
        if not ordinality:
            return f"unnest({arrays}) AS {alias} ({self.names})"
        return f"unnest({arrays}) WITH ORDINALITY AS {alias} ({self.names}, {ordinality})"

    def recordset(self, rows: str, alias: str) -> str:
        """The rows of a parameter that holds `json_rows`, as a FROM item."""
        columns = ", ".join(f"{name} {type_}" for name, type_ in self._types.items())
        return f"jsonb_to_recordset({rows}::jsonb) AS {alias} ({columns})"

    def updates(self, source: str, *keys: str) -> str:
        """The assignments of an UPDATE that takes all columns but `keys` from `source`, such as `excluded`."""
        return ", ".join(f"{name} = {source}.{name}" for name in self._types if name not in keys)

    def save_newest(self, table: str, changed_to: Mapping[str, str | None] = MappingProxyType({})) -> str:
        """The statement that keeps the highest version of each row of another service, in whatever order and however
        often its events arrive (architecture, principle 3).

        `changed_to`: what a column of an existing row becomes, where that is not just the new value; None: it stays.
        """
        expressions: dict[str, str | None] = {name: f"excluded.{name}" for name in self._types if name not in _KEY}
        expressions |= changed_to
        updates = ", ".join(f"{name} = {value}" for name, value in expressions.items() if value is not None)
        return f"""
            INSERT INTO {table} ({self.names}) SELECT {self.values} FROM {self.unnest("new")}
            ON CONFLICT ({", ".join(_KEY)}) DO UPDATE SET {updates}
            WHERE excluded.version > {table}.version
        """  # noqa: S608 - of constants alone

    def arrays(self, rows: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
        """The statement's arguments; raises `ValueError` for a row with other columns than these."""
        given = self._complete(rows)
        return [
            [json.dumps(row[name]) for row in given] if type_.endswith(_LIST) else [row[name] for row in given]
            for name, type_ in self._types.items()
        ]

    def json_rows(self, rows: Iterable[Mapping[str, Any]]) -> str:
        """One argument for `recordset`, JSON text; raises what `arrays` raises."""
        return json.dumps([self._json(row) for row in self._complete(rows)])

    def _json(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A document comes as text, as for any statement."""
        return {
            name: json.loads(value) if self._types[name] == "jsonb" and value is not None else json_value(value)
            for name, value in row.items()
        }

    def _complete(self, rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        given = list(rows)
        for row in given:
            if len(row) != len(self._types) or not self._names.issuperset(row):
                raise ValueError(f"columns {sorted(row.keys() ^ self._types.keys())} are missing or unknown")
        return given
