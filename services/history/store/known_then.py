"""SQL that has rows as their owners knew them at a moment in place of the copies (decision 34).

They stand before a statement as common tables of the same names, so that it shows and finds them as it does the copies.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.history.store.copies import COPIED
from shared.events.states import CourseState, EmployeeState, SessionState, State
from shared.events.types import Event

_OF_STATE: Final[Mapping[type[State], str]] = {
    EmployeeState: "people",
    CourseState: "courses",
    SessionState: "sessions",
}
"""All others are records."""
_TABLES = ", ".join(
    f"{name} AS (SELECT * FROM {columns.recordset(f':{name}', 'known')})"  # noqa: S608 - of constants alone
    for name, (columns, _) in COPIED.items()
)
TABLES: Final = f"moment AS (SELECT :as_of AS as_of), {_TABLES},"
"""The beginning of a WITH clause."""
MOMENT: Final = "(SELECT as_of FROM moment)"
TYPES: Final[Mapping[str, str]] = {"as_of": "timestamptz", **dict.fromkeys(COPIED, "text")}
"""Of the parameters for these tables."""


class Known(NamedTuple):
    """What was known at a moment."""

    as_of: datetime
    events: Sequence[Event[State]]

    @property
    def arguments(self) -> tuple[Any, ...]:
        """In the order of `TYPES`."""
        rows: dict[str, list[Mapping[str, Any]]] = {name: [] for name in COPIED}
        for event in self.events:
            name = _OF_STATE.get(type(event.data), "records")
            rows[name].append(COPIED[name][1](event))
        return self.as_of, *(COPIED[name][0].json_rows(of_table) for name, of_table in rows.items())
