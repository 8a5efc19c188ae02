"""SQL of what history copies from the events."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.events.states import (
    Attendance,
    CourseState,
    EmployeeState,
    Meeting,
    NamedItem,
    Remembered,
    RememberedRecord,
    SessionState,
)
from shared.events.types import EnrollmentEvent, Event, RecordEvent
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

_PEOPLE = ArrayColumns(
    organisation_id="bigint",
    id="bigint",
    version="integer",
    type="text",
    full_name="text",
    company_id="bigint",
    company_name="text",
    removed="boolean",
    merged_into="bigint",
)
_SAVE_PEOPLE = _PEOPLE.save_newest("people")

_COURSES = ArrayColumns(
    organisation_id="bigint",
    id="bigint",
    version="integer",
    title="text",
    online="boolean",
    label_ids="bigint[]",
    label_names="jsonb",
    description="text",
    removed="boolean",
)
_SAVE_COURSES = _COURSES.save_newest("courses")

_SESSIONS = ArrayColumns(
    organisation_id="bigint",
    id="bigint",
    version="integer",
    session_name="text",
    start_date="timestamptz",
    location="text",
    project_ids="bigint[]",
    project_names="jsonb",
    meetings="jsonb",
    course_id="bigint",
    max_participants="integer",
    status="text",
    enrollment_opens_at="timestamptz",
    enrollment_closes_at="timestamptz",
    removed="boolean",
)
_SAVE_SESSIONS = _SESSIONS.save_newest("sessions")

_REMEMBERED: Mapping[str, str] = {
    "remembered": "boolean",
    "remembered_title": "text",
    "remembered_online": "boolean",
    "remembered_label_ids": "bigint[]",
    "remembered_label_names": "jsonb",
    "remembered_session_name": "text",
    "remembered_location": "text",
    "remembered_project_ids": "bigint[]",
    "remembered_project_names": "jsonb",
    "remembered_company_id": "bigint",
    "remembered_company_name": "text",
    "remembered_meetings": "jsonb",
}
_NOTHING_REMEMBERED: Mapping[str, Any] = {
    **dict.fromkeys(_REMEMBERED),
    "remembered": False,
    "remembered_label_ids": [],
    "remembered_project_ids": [],
    "remembered_meetings": "[]",
}

_RECORDS = ArrayColumns(
    organisation_id="bigint",
    id="bigint",
    version="integer",
    employee_id="bigint",
    session_id="bigint",
    course_id="bigint",
    status="text",
    scored="boolean",
    passed="boolean",
    completed_at="timestamptz",
    valid_until="timestamptz",
    checked_in_at="timestamptz",
    check_in_method="text",
    attendance="jsonb",
    external="boolean",
    training_name="text",
    provider="text",
    holds_seat="boolean",
    **_REMEMBERED,
)
# While an update is under way, processes of the release before correct records, and do not know what was remembered.
_KEEPS = "records.remembered AND NOT excluded.remembered AND excluded.status NOT IN ('enrolled', 'waitlisted')"
_SAVE_RECORDS = _RECORDS.save_newest(
    "records",
    {
        **{name: f"CASE WHEN {_KEEPS} THEN records.{name} ELSE excluded.{name} END" for name in _REMEMBERED},
    },
)

_ONLINE_MODES = ("online", "self_paced")


async def save_people(connection: Connection, events: Sequence[Event[EmployeeState]]) -> None:
    """Keeps the newest version of each person."""
    await connection.execute(_SAVE_PEOPLE, *_PEOPLE.arrays(map(_person, events)))


def _person(event: Event[EmployeeState]) -> dict[str, Any]:
    state = event.data
    return {
        "organisation_id": event.organisation_id,
        "id": state.id,
        "version": state.version,
        "type": state.type,
        "full_name": state.full_name,
        "company_id": state.company and state.company.id,
        "company_name": state.company and state.company.name,
        "removed": state.removed,
        "merged_into": state.merged_into,
    }


async def save_courses(connection: Connection, events: Sequence[Event[CourseState]]) -> None:
    """Keeps the newest version of each course; one that was deleted stays as it was last, and no record shows it."""
    await connection.execute(_SAVE_COURSES, *_COURSES.arrays(map(_course, events)))


def _course(event: Event[CourseState]) -> dict[str, Any]:
    state = event.data
    return {
        "organisation_id": event.organisation_id,
        "id": state.id,
        "version": state.version,
        "title": state.title,
        "online": state.delivery_mode in _ONLINE_MODES,
        "label_ids": [label.id for label in state.labels],
        "label_names": _names(state.labels),
        "description": state.description,
        "removed": state.removed,
    }


async def save_sessions(connection: Connection, events: Sequence[Event[SessionState]]) -> None:
    """Keeps the newest version of each session, a deleted one too."""
    await connection.execute(_SAVE_SESSIONS, *_SESSIONS.arrays(map(_session, events)))


def _session(event: Event[SessionState]) -> dict[str, Any]:
    state = event.data
    return {
        "organisation_id": event.organisation_id,
        "id": state.id,
        "version": state.version,
        "session_name": state.session_name,
        "start_date": state.start_date,
        "location": state.location,
        "project_ids": [project.id for project in state.projects],
        "project_names": _names(state.projects),
        "meetings": _documents(state.meetings),
        "course_id": state.course_id,
        "max_participants": state.max_participants,
        "status": state.status,
        "enrollment_opens_at": state.enrollment_opens_at,
        "enrollment_closes_at": state.enrollment_closes_at,
        "removed": state.removed,
    }


async def save_records(connection: Connection, events: Sequence[EnrollmentEvent]) -> None:
    """Keeps the newest version of each training record that is an enrollment."""
    await connection.execute(_SAVE_RECORDS, *_RECORDS.arrays(map(_record, events)))


def _record(event: EnrollmentEvent) -> dict[str, Any]:
    state = event.data
    return {
        "organisation_id": event.organisation_id,
        "id": state.id,
        "version": state.version,
        "employee_id": state.employee_id,
        "session_id": state.session_id,
        "course_id": state.course_id,
        "status": state.status,
        "scored": state.score is not None,
        "passed": state.passed,
        "completed_at": state.completed_at,
        "valid_until": state.valid_until,
        "checked_in_at": state.checked_in_at,
        "check_in_method": state.check_in_method,
        "attendance": _documents(state.attendance),
        "external": False,
        "training_name": None,
        "provider": None,
        "holds_seat": state.holds_seat,
        **_remembered(state.remembered),
    }


async def save_external_records(connection: Connection, events: Sequence[RecordEvent]) -> None:
    """Keeps the newest version of each record without a session, among those of enrollments."""
    await connection.execute(_SAVE_RECORDS, *_RECORDS.arrays(map(_external_record, events)))


def _external_record(event: RecordEvent) -> dict[str, Any]:
    state = event.data
    counts = state.status == "accepted" and state.passed is not False
    return {
        "organisation_id": event.organisation_id,
        "id": state.id,
        "version": state.version,
        "employee_id": state.employee_id,
        "session_id": None,
        "course_id": state.course_id,
        "status": state.status,
        "scored": state.score is not None,
        "passed": state.passed,
        "completed_at": state.completed_at,
        "valid_until": state.valid_until if counts else None,
        "checked_in_at": None,
        "check_in_method": None,
        "attendance": "[]",
        "external": state.source == "external",
        "holds_seat": False,
        "training_name": state.training_name,
        "provider": state.provider,
        **_remembered_record(state.remembered),
    }


def _row_of_record(event: Any) -> dict[str, Any]:
    return _external_record(event) if isinstance(event, RecordEvent) else _record(event)


COPIED: Mapping[str, tuple[ArrayColumns, Callable[[Event[Any]], Mapping[str, Any]]]] = {
    "people": (_PEOPLE, _person),
    "courses": (_COURSES, _course),
    "sessions": (_SESSIONS, _session),
    "records": (_RECORDS, _row_of_record),
}
"""By the name of the table: its columns, and the row that an event makes."""


def _remembered(remembered: Remembered | None) -> Mapping[str, Any]:
    if remembered is None:
        return _NOTHING_REMEMBERED
    return {
        "remembered": True,
        "remembered_title": remembered.training_name,
        "remembered_online": remembered.delivery_mode in _ONLINE_MODES,
        "remembered_label_ids": [label.id for label in remembered.labels],
        "remembered_label_names": _names(remembered.labels),
        "remembered_session_name": remembered.session_name,
        "remembered_location": remembered.location,
        "remembered_project_ids": [project.id for project in remembered.projects],
        "remembered_project_names": _names(remembered.projects),
        "remembered_company_id": remembered.company and remembered.company.id,
        "remembered_company_name": remembered.company and remembered.company.name,
        "remembered_meetings": _documents(remembered.meetings),
    }


def _remembered_record(remembered: RememberedRecord | None) -> Mapping[str, Any]:
    """Without a session. Nobody knows whether training done elsewhere was online: it counts as offline."""
    if remembered is None:
        return _NOTHING_REMEMBERED
    return {
        **_NOTHING_REMEMBERED,
        "remembered": True,
        "remembered_title": remembered.training_name,
        "remembered_online": remembered.delivery_mode in _ONLINE_MODES,
        "remembered_label_ids": [label.id for label in remembered.labels],
        "remembered_label_names": _names(remembered.labels),
        "remembered_project_names": "[]",
        "remembered_company_id": remembered.company and remembered.company.id,
        "remembered_company_name": remembered.company and remembered.company.name,
    }


def _documents(items: Sequence[Meeting] | Sequence[Attendance]) -> str:
    return json.dumps([item.model_dump(mode="json") for item in items])


def _names(items: Sequence[NamedItem]) -> str:
    return json.dumps([item.name for item in items])
