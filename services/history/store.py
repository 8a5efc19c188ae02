"""Every SQL statement of history. A page leaves PostgreSQL as JSON text, in one round trip."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from services.history.schemas import HistoryQuery
from shared.events.types import (
    CourseState,
    EmployeeState,
    EnrollmentEvent,
    Event,
    NamedItem,
    Remembered,
    SessionState,
)
from shared.postgres.batched_reads import PAGE_TYPES, PageRead, Statement
from shared.postgres.local_days import LISTED, day_of, zone_of
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

# A person's records are few: they are matched first, then counted and cut to the page. `found` tells a person
# without matching records from one that this organisation does not have.
_PAGE = """
WITH matched AS (
    SELECT r.id, r.session_id, r.status, r.passed, r.completed_at, r.valid_until, r.checked_in_at, r.check_in_method,
        shown.*, p.id AS person_id, p.type, p.full_name, coalesce(r.completed_at, s.start_date) AS training_date
    FROM records r
    JOIN people p ON p.organisation_id = r.organisation_id AND p.id = r.employee_id
    JOIN courses c ON c.organisation_id = r.organisation_id AND c.id = r.course_id
    JOIN sessions s ON s.organisation_id = r.organisation_id AND s.id = r.session_id
    CROSS JOIN LATERAL (SELECT {shown}) AS shown
    WHERE r.organisation_id = :organisation_id AND r.employee_id = :person_id
        AND {conditions}
)
SELECT
    EXISTS (
        SELECT FROM people
        WHERE organisation_id = :organisation_id AND id = :person_id AND type = :type AND NOT removed
    ) AS found,
    (SELECT count(*) FROM matched) AS total,
    coalesce((SELECT json_agg(json_build_object(
        'id', id, 'type', CASE WHEN online THEN 'online' ELSE 'offline' END,
        'training_name', title, 'training_type', CASE WHEN online THEN 'course' ELSE 'session' END,
        'completed_at', history_timestamp(completed_at),
        'status', CASE status WHEN 'enrolled' THEN 'confirmed' WHEN 'waitlisted' THEN 'proposed'
            WHEN 'cancelled' THEN 'cancelled' ELSE 'completed' END,
        'result', CASE WHEN status = 'absent' THEN 'absent' WHEN status = 'failed' THEN 'failed'
            WHEN status = 'completed' AND passed THEN 'passed' WHEN status = 'completed' THEN 'attended' END,
        'valid_until', history_timestamp(valid_until),
        'person', json_build_object('id', person_id, 'type', type, 'name', full_name, 'company', company_name),
        'projects', project_names, 'labels', label_names,
        'session', json_build_object('id', session_id, 'name', session_name,
            'venue', CASE WHEN NOT online THEN location END,
            'checked_in_at', history_timestamp(checked_in_at), 'check_in_method', check_in_method)
    ) ORDER BY training_date DESC, id) FROM (
        SELECT * FROM matched ORDER BY training_date DESC, id LIMIT :per_page OFFSET :rows_before
    ) page), '[]')::text AS items
"""

# A closed record shows, and is found by, what was true when it closed; an open one what is true now.
_SHOWN = ", ".join(
    f"CASE WHEN r.remembered THEN r.remembered_{name} ELSE {table}.{name} END AS {name}"
    for table, names in {
        "c": ("title", "online", "label_ids", "label_names"),
        "s": ("session_name", "location", "project_ids", "project_names"),
        "p": ("company_id", "company_name"),
    }.items()
    for name in names
)

_STATUS = {
    "proposed": "r.status = 'waitlisted'",
    "confirmed": "r.status = 'enrolled'",
    "completed": "r.status IN ('completed', 'failed', 'absent')",
    "cancelled": "r.status = 'cancelled'",
    "upcoming": "r.status IN ('enrolled', 'waitlisted') AND s.start_date > now()",
}

_TRAINING_DAY = day_of("coalesce(r.completed_at, s.start_date)", zone_of(LISTED))
_FILTERS = {
    "online": ("shown.online = :online", "boolean"),
    "project_id": (":project_id = ANY(shown.project_ids)", "bigint"),
    "label_id": (":label_id = ANY(shown.label_ids)", "bigint"),
    "company_id": ("shown.company_id = :company_id", "bigint"),
    "date_from": (f"{_TRAINING_DAY} >= :date_from", "date"),
    "date_to": (f"{_TRAINING_DAY} <= :date_to", "date"),
}
"""Condition and type."""

_PEOPLE = ArrayColumns(
    organisation_id="bigint",
    id="bigint",
    version="integer",
    type="text",
    full_name="text",
    company_id="bigint",
    company_name="text",
    removed="boolean",
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
}
_NOTHING_REMEMBERED: Mapping[str, Any] = {
    **dict.fromkeys(_REMEMBERED),
    "remembered": False,
    "remembered_label_ids": [],
    "remembered_project_ids": [],
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
    **_REMEMBERED,
)
# While an update is under way, processes of the release before correct records, and do not know what was remembered.
_KEEPS = "records.remembered AND NOT excluded.remembered AND excluded.status NOT IN ('enrolled', 'waitlisted')"
_SAVE_RECORDS = _RECORDS.save_newest(
    "records",
    {
        "employee_id": None,
        **{name: f"CASE WHEN {_KEEPS} THEN records.{name} ELSE excluded.{name} END" for name in _REMEMBERED},
    },
)

_ONLINE_MODES = ("online", "self_paced")


def history_page(
    organisation_id: int, person_id: int, person_type: str, query: HistoryQuery, company_id: int | None
) -> PageRead:
    """Whether the organisation has the person, how many records match, and the page of them as JSON text."""
    asked = {
        "online": None if query.type == "all" else query.type == "online",
        "project_id": query.project_id,
        "label_id": query.label_id,
        "company_id": company_id,
        "date_from": query.date_from,
        "date_to": query.date_to,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    arguments = (organisation_id, person_id, person_type, *given.values(), query.per_page, query.offset)
    return PageRead(_page_statement(tuple(given), query.status), arguments)


@cache
def _page_statement(filters: tuple[str, ...], status: str | None) -> Statement:
    conditions = [_FILTERS[name][0] for name in filters] + ([_STATUS[status]] if status else [])
    types = {"organisation_id": "bigint", "person_id": "bigint", "type": "text"}
    types |= {name: _FILTERS[name][1] for name in filters}
    return Statement(_PAGE.format(shown=_SHOWN, conditions=" AND ".join(conditions) or "true"), types | PAGE_TYPES)


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
    }


async def save_records(connection: Connection, events: Sequence[EnrollmentEvent]) -> None:
    """Keeps the newest version of each training record."""
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
        **_remembered(state.remembered),
    }


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
    }


def _names(items: Sequence[NamedItem]) -> str:
    return json.dumps([item.name for item in items])
