"""SQL of enrollment's snapshots: the current states of its rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.enrollment.store.enrollments import enrollment_state
from services.enrollment.store.external_records import record_state
from services.enrollment.store.people import person_state
from shared.events.states import EnrollmentState, EnrollmentStatus, RecordState, RecordStatus, SettingsState, State
from shared.events.types import (
    EmployeeErased,
    EmployeeMerged,
    EmployeeRemoved,
    EmployeeSaved,
    EnrollmentCancelled,
    EnrollmentCompleted,
    EnrollmentCreated,
    EnrollmentEvent,
    EnrollmentFailed,
    EnrollmentMarkedAbsent,
    EnrollmentWaitlisted,
    Event,
    RecordAccepted,
    RecordEvent,
    RecordRejected,
    RecordSubmitted,
    SettingsSaved,
)
from shared.postgres.pool import Connection
from shared.projections.keys import Key, key_of
from shared.projections.snapshot import SnapshotSource

_PAGE = "SELECT * FROM {} WHERE (organisation_id, id) > ($1, $2) ORDER BY organisation_id, id LIMIT $3"

_CURRENT = "SELECT * FROM {} WHERE (organisation_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))"

_EVENT_BY_STATUS: Mapping[EnrollmentStatus, type[EnrollmentEvent]] = {
    "enrolled": EnrollmentCreated,
    "waitlisted": EnrollmentWaitlisted,
    "completed": EnrollmentCompleted,
    "failed": EnrollmentFailed,
    "absent": EnrollmentMarkedAbsent,
    "cancelled": EnrollmentCancelled,
}
"""The event that leaves an enrollment in the status."""
_RECORD_EVENT_BY_STATUS: Mapping[RecordStatus, type[RecordEvent]] = {
    "pending": RecordSubmitted,
    "accepted": RecordAccepted,
    "rejected": RecordRejected,
}


def _person(row: Any) -> Event[State]:
    state = person_state(row)
    if state.erased_at is not None:
        return EmployeeErased(row["organisation_id"], state)
    gone = EmployeeRemoved if state.merged_into is None else EmployeeMerged
    return (gone if state.removed else EmployeeSaved)(row["organisation_id"], state)


def event_of_enrollment(organisation_id: int, state: EnrollmentState) -> Event[State]:
    """The event that leaves an enrollment in this state."""
    return _EVENT_BY_STATUS[state.status](organisation_id, state)


def event_of_record(organisation_id: int, state: RecordState) -> Event[State]:
    """The same of a record."""
    return _RECORD_EVENT_BY_STATUS[state.status](organisation_id, state)


def _enrollment(row: Any) -> Event[State]:
    return event_of_enrollment(row["organisation_id"], enrollment_state(row))


def _external_record(row: Any) -> Event[State]:
    return event_of_record(row["organisation_id"], record_state(row))


def _settings(row: Any) -> Event[State]:
    return SettingsSaved(row["organisation_id"], SettingsState.model_validate(dict(row)))


def _source(table: str, event_of: Callable[[Any], Event[State]]) -> SnapshotSource:
    async def page(connection: Connection, after: Key, limit: int) -> list[Event[State]]:
        return [event_of(row) for row in await connection.fetch(_PAGE.format(table), *after, limit)]

    async def current(connection: Connection, keys: Sequence[Key]) -> list[Event[State]]:
        ids = [key[0] for key in keys], [key[1] for key in keys]
        return [event_of(row) for row in await connection.fetch(_CURRENT.format(table), *ids)]

    return SnapshotSource(page, current)


def _united(*sources: SnapshotSource) -> SnapshotSource:
    """Rows of several tables of which no two have the same id."""

    async def page(connection: Connection, after: Key, limit: int) -> list[Event[State]]:
        found = [event for source in sources for event in await source.page(connection, after, limit)]
        return sorted(found, key=key_of)[:limit]

    async def current(connection: Connection, keys: Sequence[Key]) -> list[Event[State]]:
        return [event for source in sources for event in await source.current(connection, keys)]

    return SnapshotSource(page, current)


_ENROLLMENTS = _source("enrollments", _enrollment)
SNAPSHOTS = {
    "people": _source("people", _person),
    "enrollments": _ENROLLMENTS,
    "records": _united(_ENROLLMENTS, _source("external_records", _external_record)),
    "settings": _source("organisation_settings", _settings),
}
