"""SQL of what a row said at a moment: what later entries of its audit trail changed is undone (decision 34).

An entry has the version of its row after the change, and of each member that changed what it was before. A change
counts from `changed_at`, when its transaction began. Of transactions that overlap, the later version may have the
earlier moment: with one version all that followed it are undone.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from shared.events.states import State

S = TypeVar("S", bound=State)

WAS_THERE: Final = "later.undone IS DISTINCT FROM 1"
"""The condition that a row was there then: its first version is not undone."""
_BLANK: Final = """'{"from": null, "to": null}'"""


def undone(entries: str, moment: str) -> str:
    """Joins to a row what came after the `moment`, a parameter: `later.undone` is the first version to undo, null
    without one, `later.is_whole` whether the trail has the row's first version, and `before.members` what to undo it
    with, as JSON.

    `entries` are those of the row, a FROM item with a WHERE clause. What an erasure has made blank in them stays.
    """
    return f"""
        CROSS JOIN LATERAL (
            SELECT min(version) FILTER (WHERE changed_at > {moment}) AS undone,
                coalesce(bool_or(version = 1), false) AS is_whole
            FROM {entries}
        ) AS later
        CROSS JOIN LATERAL (
            SELECT jsonb_object_agg(earliest.key, earliest.value -> 'from') AS members FROM (
                SELECT DISTINCT ON (change.key) change.key, change.value
                FROM (SELECT version, changes FROM {entries} AND version >= later.undone) AS entry
                CROSS JOIN jsonb_each(entry.changes) AS change
                WHERE change.value <> {_BLANK}
                ORDER BY change.key, entry.version
            ) AS earliest
        ) AS before
    """  # noqa: S608 - of constants and parameters


def was_there_since(created: str, moment: str) -> str:
    """The same condition for rows of which some are older than their trail: these were there once they were
    `created`."""
    return f"({WAS_THERE} AND (later.is_whole OR {created} <= {moment}))"


def as_known(state: S, row: Any, before: Mapping[str, Any] = MappingProxyType({})) -> S:
    """The state of a row that was there then, with what `undone` joined to it; `before` has what no entry says."""
    if row["undone"] is None:
        return state
    members = state.model_dump() | json.loads(row["members"] or "{}") | dict(before)
    return type(state).model_validate(members | {"id": state.id, "version": row["undone"] - 1})
