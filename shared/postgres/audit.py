"""What an audit trail says of one change: who made it, in which request, and what differs."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel

from shared.observability import NO_TRACE, Trace

_NOT_A_CHANGE: Final = ("id", "version")
"""Every entry has them beside its changes."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something, and in which request: for the audit trail and the events."""

    subject: str
    name: str
    trace: Trace = NO_TRACE


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change of one row. `kind` says what `id` is the id of; `version` is the row's after the change.

    `action` is the type of the change's event, where there is one.
    """

    kind: str
    organisation_id: int
    id: int
    version: int
    action: str
    actor: Actor
    changes: dict[str, Any]


def differences(before: BaseModel | None, after: BaseModel | None) -> dict[str, dict[str, Any]]:
    """`{"status": {"from": "enrolled", "to": "completed"}}`, as JSON values.

    A new row changes from nothing and a deleted one to nothing: its nulls say nothing then.
    """
    old = {} if before is None else before.model_dump()
    new = {} if after is None else after.model_dump()
    return {
        name: {"from": json_value(old.get(name)), "to": json_value(new.get(name))}
        for name in {**old, **new}
        if old.get(name) != new.get(name) and name not in _NOT_A_CHANGE
    }


def json_value(value: Any) -> Any:
    """As JSON has it. Numbers here have at most two decimals, which a float prints back exactly."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: json_value(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(each) for each in value]
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, date) else value
