"""SQL of lists: a page of their rows, or a step of a walk through all of them (contract, section 1).

A page begins after so many rows, and moves when rows before it come, go or change. A step begins after a key that a
row has for good: each row that is there throughout a walk is in one of its steps, and in no second one. It reads one
row more than it shows, which tells whether another step follows, and counts nothing unless it is asked to.

Either may leave out what has not changed since a moment. A trigger notes the moment of each change in the row, and its
day in UTC, which has an index: one of the moment itself would get a new entry with every change of a row.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypedDict

PAGE_TYPES = {"per_page": "bigint", "rows_before": "bigint"}
"""Of the parameters that every page has last."""
STEP_TYPES = {"per_page": "bigint", "after": "bigint"}
"""Of those that every step has last; nothing is before the row 0."""
SINCE_TYPES = {"updated_since": "timestamptz"}
"""Of the one that follows them where only what has changed is asked for."""
_LAST_ID = 2**63 - 1
_LINE_END = "chr(10)"


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of a list a statement reads, and whether it tells how many there are in all.

    `as_lines`: the items are the lines of a text, one JSON object each, in place of a JSON array. `longest` is that of
    pages and steps, where it is longer than clients may ask for.
    """

    as_lines: bool = False
    longest: int = 0
    is_step: bool = False
    is_counted: bool = True
    is_since: bool = False
    """Whether rows that have not changed since a moment are left out."""

    @property
    def types(self) -> dict[str, str]:
        return (STEP_TYPES if self.is_step else PAGE_TYPES) | (SINCE_TYPES if self.is_since else {})

    def changed(self, row: str) -> list[str]:
        """The condition on a row that notes its changes (`row` is its alias), if there is one."""
        day = f"{row}.updated_day >= (:updated_since AT TIME ZONE 'UTC')::date"
        return [f"{day} AND {row}.updated_at >= :updated_since"] if self.is_since else []

    def changed_at(self, moment: str) -> str:
        """To follow a WHERE clause: the same for a row that never changes, or has no day beside the moment."""
        return f" AND {moment} >= :updated_since" if self.is_since else ""

    def start(self, key: str, *, newest_first: bool = False, after: str = ":after") -> str:
        """What a SELECT that ends in a WHERE clause goes on with, to leave out what earlier steps have shown.

        Of functions, row-level security lets through to an index only those that can tell nothing of a row: `coalesce`
        is not known to be one.
        """
        if not self.is_step:
            return ""
        if newest_first:
            return f" AND {key} < CASE {after} WHEN 0 THEN {_LAST_ID} ELSE {after} END"
        return f" AND {key} > {after}"

    def reach(self, per_page: str = ":per_page") -> str:
        """The end of a SELECT: rows as far as the page ends, or the step and one row of the next."""
        return f"LIMIT {per_page} + 1" if self.is_step else f"LIMIT {per_page} + :rows_before"

    def of_export(self, longest: int) -> "Window":
        """The same rows as lines, so many at once."""
        return replace(self, as_lines=True, longest=longest)

    def together(self, item: str, order: str, only: str = "") -> str:
        """The items in their order, an aggregate over the rows where `only` holds, and nothing without any."""
        if not self.as_lines:
            return f"coalesce(json_agg({item} ORDER BY {order}){only}, '[]')::text"
        line = f"translate(({item})::text, {_LINE_END}, ' ')"  # between values alone: in a text it is escaped
        return f"coalesce(string_agg({line}, {_LINE_END} ORDER BY {order}){only}, '')"


PAGE = Window()


class Shown(TypedDict):
    """What a list shows of the ids of a page: `joins` their rows, of which `item` makes the JSON objects."""

    joins: str
    item: str


def union_over(select: str, order: str, column: str, values: Iterable[str], window: Window = PAGE) -> str:
    """`select`, which ends in a WHERE clause, for each value of a column that its index has before the order wanted.

    Each walks the index no further than the page ends, which PostgreSQL would not find out by itself.
    """
    return " UNION ALL ".join(to_end_of_page(f"{select} AND {column} = '{value}'", order, window) for value in values)


def to_end_of_page(select: str, order: str, window: Window = PAGE) -> str:
    """The rows of `select` from the first to the last of the page, as one part of a union."""
    return f"({select} ORDER BY {order} {window.reach()})"


def page_of(select: str, order: str, longest: int, window: Window = PAGE) -> str:
    """The page of `select` that the parameters of its window ask for, to be joined with what it shows.

    `longest`: rows of the longest page that may be asked for. From the second limit the planner knows what it cannot
    know from the first: that pages are short.
    """
    if window.is_step:
        return step_of(f"{select} ORDER BY {order} {window.reach()}", order, longest, window)
    page = f"{select} ORDER BY {order} LIMIT :per_page OFFSET :rows_before"
    return f"(SELECT * FROM ({page}) AS page LIMIT {longest})"  # noqa: S608 - of constants and parameters


def step_of(select: str, order: str, longest: int, window: Window) -> str:
    """The rows of `select`, which is ordered and limited, with the place that each has among them."""
    rows = f"SELECT * FROM ({select}) AS page LIMIT {max(longest, window.longest) + 1}"  # noqa: S608 - of constants and parameters
    return f"(SELECT *, row_number() OVER (ORDER BY {order}) AS place FROM ({rows}) AS page)"  # noqa: S608


def list_of(
    *,
    total: str,
    page: str,
    joins: str,
    item: str,
    order: str,
    window: Window = PAGE,
    key: str = "id",
    per_page: str = ":per_page",
) -> str:
    """The text of a list's statement: its `total`, as JSON text its `items`, and of a step the `last` key if another
    follows.

    `page` gives the ids of the page, as `page_of` does; `joins` their rows, of which `item` makes the JSON objects.
    """
    counted = f"({total})" if window.is_counted else "NULL::bigint"
    items = items_of(page=page, joins=joins, item=item, order=order, window=window, key=key, per_page=per_page)
    return f"SELECT {counted} AS total, {items}"


def items_of(
    *, page: str, joins: str, item: str, order: str, window: Window, key: str = "id", per_page: str = ":per_page"
) -> str:
    """The end of a list's statement, from its `items` on; `key` is the column of `page` that the steps go by."""
    if not window.is_step:
        return f"""coalesce((
            SELECT json_agg({item} ORDER BY {order})
            FROM {page} page
            {joins}
        ), '[]')::text AS items
    """  # noqa: S608 - of constants and parameters
    return f"""step.items, step.last
        FROM (
            SELECT {window.together(item, order, f" FILTER (WHERE page.place <= {per_page})")} AS items,
                CASE WHEN count(*) > {per_page} THEN max(page.{key}) FILTER (WHERE page.place = {per_page}) END AS last
            FROM {page} page
            {joins}
        ) AS step
    """  # noqa: S608 - of constants and parameters


def list_of_found(
    found: str,
    key: str,
    longest: int,
    *,
    joins: str,
    item: str,
    window: Window,
    newest_first: bool = False,
    tables: str = "",
) -> str:
    """A list of what `found` finds, a SELECT of ids that ends in a WHERE clause, in the order of the ids.

    No total is kept of it: it is all found and counted, unless nobody asks how many there are. `key` is the id's name
    in `found` and in `joins`; `tables` are common tables that `found` needs.
    """
    direction = " DESC" if newest_first else ""
    if window.is_counted:
        total, ids = "SELECT count(*) FROM matched", ids_of("matched", window, newest_first=newest_first)
        tables = f"{f'{tables},' if tables else 'WITH'} matched AS MATERIALIZED ({found})"
    else:
        total, ids = "", found + window.start(key, newest_first=newest_first)
    page = page_of(ids, f"id{direction}", longest, window)
    listed = list_of(total=total, page=page, joins=joins, item=item, order=f"{key}{direction}", window=window)
    return f"{tables} {listed}"


def ids_of(table: str, window: Window, *, newest_first: bool = False) -> str:
    """The ids of a common table, from where the window starts."""
    start = window.start("id", newest_first=newest_first)
    return f"SELECT id FROM {table}{f' WHERE true{start}' if start else ''}"  # noqa: S608 - of constants
