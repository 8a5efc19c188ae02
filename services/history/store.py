"""Every SQL statement of history. A page leaves PostgreSQL as JSON text, in one round trip."""

import json
from collections.abc import Sequence
from functools import cache

from services.history.schemas import HistoryQuery
from shared.events.types import CourseState, EmployeeState, EnrollmentEvent, Event, NamedItem, SessionState
from shared.postgres.batched_reads import PAGE_TYPES, PageRead, Statement
from shared.postgres.pool import Connection

# A person's records are few: they are matched first, then counted and cut to the page. `found` tells a person
# without matching records from one that this organisation does not have.
_PAGE = """
WITH matched AS (
    SELECT r.*, c.title, c.online, c.label_names, s.session_name, s.start_date, s.location, s.project_names,
        p.id AS person_id, p.type, p.full_name, p.company_name,
        coalesce(r.completed_at, s.start_date) AS training_date
    FROM records r
    JOIN people p ON p.organisation_id = r.organisation_id AND p.id = r.employee_id
    JOIN courses c ON c.organisation_id = r.organisation_id AND c.id = r.course_id
    JOIN sessions s ON s.organisation_id = r.organisation_id AND s.id = r.session_id
    WHERE r.organisation_id = {{organisation_id}} AND r.employee_id = {{person_id}} AND {where}
)
SELECT
    EXISTS (
        SELECT FROM people
        WHERE organisation_id = {{organisation_id}} AND id = {{person_id}} AND type = {{type}} AND NOT removed
    ) AS found,
    (SELECT count(*) FROM matched) AS total,
    coalesce((SELECT json_agg(json_build_object(
        'id', id, 'type', CASE WHEN online THEN 'online' ELSE 'offline' END,
        'training_name', title, 'training_type', CASE WHEN online THEN 'course' ELSE 'session' END,
        'completed_at', history_timestamp(completed_at),
        'status', CASE status WHEN 'enrolled' THEN 'confirmed' WHEN 'waitlisted' THEN 'proposed'
            WHEN 'cancelled' THEN 'cancelled' ELSE 'completed' END,
        'result', CASE WHEN status = 'absent' THEN 'absent' WHEN status = 'failed' THEN 'failed'
            WHEN status = 'completed' AND scored THEN 'passed' WHEN status = 'completed' THEN 'attended' END,
        'valid_until', history_timestamp(valid_until),
        'person', json_build_object('id', person_id, 'type', type, 'name', full_name, 'company', company_name),
        'projects', project_names, 'labels', label_names,
        'session', json_build_object('id', session_id, 'name', session_name,
            'venue', CASE WHEN NOT online THEN location END,
            'checked_in_at', history_timestamp(checked_in_at), 'check_in_method', check_in_method)
    ) ORDER BY training_date DESC, id) FROM (
        SELECT * FROM matched ORDER BY training_date DESC, id LIMIT {{per_page}} OFFSET {{rows_before}}
    ) page), '[]')::text AS items
"""

_STATUS = {
    "proposed": "r.status = 'waitlisted'",
    "confirmed": "r.status = 'enrolled'",
    "completed": "r.status IN ('completed', 'failed', 'absent')",
    "cancelled": "r.status = 'cancelled'",
    "upcoming": "r.status IN ('enrolled', 'waitlisted') AND s.start_date > now()",
}

_FILTERS = {
    "online": ("c.online = {online}", "boolean"),
    "project_id": ("{project_id} = ANY(s.project_ids)", "bigint"),
    "label_id": ("{label_id} = ANY(c.label_ids)", "bigint"),
    "company_id": ("p.company_id = {company_id}", "bigint"),
    "date_from": ("(coalesce(r.completed_at, s.start_date) AT TIME ZONE 'UTC')::date >= {date_from}", "date"),
    "date_to": ("(coalesce(r.completed_at, s.start_date) AT TIME ZONE 'UTC')::date <= {date_to}", "date"),
}
"""Condition and type."""

_SAVE_PEOPLE = """
INSERT INTO people (organisation_id, id, version, type, full_name, company_id, company_name, removed)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::bigint[], $7::text[],
    $8::boolean[])
ON CONFLICT (organisation_id, id) DO UPDATE SET version = excluded.version, type = excluded.type,
    full_name = excluded.full_name, company_id = excluded.company_id, company_name = excluded.company_name,
    removed = excluded.removed
WHERE excluded.version > people.version
"""

_SAVE_COURSES = """
INSERT INTO courses (organisation_id, id, version, title, online, label_ids, label_names)
SELECT organisation_id, id, version, title, online,
    ARRAY (SELECT (label ->> 'id')::bigint FROM jsonb_array_elements(labels) AS label),
    jsonb_path_query_array(labels, '$[*].name')
FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::boolean[], $6::jsonb[])
    AS new (organisation_id, id, version, title, online, labels)
ON CONFLICT (organisation_id, id) DO UPDATE SET version = excluded.version, title = excluded.title,
    online = excluded.online, label_ids = excluded.label_ids, label_names = excluded.label_names
WHERE excluded.version > courses.version
"""

_SAVE_SESSIONS = """
INSERT INTO sessions (organisation_id, id, version, session_name, start_date, location, project_ids, project_names)
SELECT organisation_id, id, version, session_name, start_date, location,
    ARRAY (SELECT (project ->> 'id')::bigint FROM jsonb_array_elements(projects) AS project),
    jsonb_path_query_array(projects, '$[*].name')
FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::timestamptz[], $6::text[], $7::jsonb[])
    AS new (organisation_id, id, version, session_name, start_date, location, projects)
ON CONFLICT (organisation_id, id) DO UPDATE SET version = excluded.version, session_name = excluded.session_name,
    start_date = excluded.start_date, location = excluded.location, project_ids = excluded.project_ids,
    project_names = excluded.project_names
WHERE excluded.version > sessions.version
"""

_SAVE_RECORDS = """
INSERT INTO records (organisation_id, id, version, employee_id, session_id, course_id, status, scored, completed_at,
    valid_until, checked_in_at, check_in_method)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[],
    $7::text[], $8::boolean[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::text[])
ON CONFLICT (organisation_id, id) DO UPDATE SET version = excluded.version, status = excluded.status,
    scored = excluded.scored, completed_at = excluded.completed_at, valid_until = excluded.valid_until,
    checked_in_at = excluded.checked_in_at, check_in_method = excluded.check_in_method,
    session_id = excluded.session_id, course_id = excluded.course_id
WHERE excluded.version > records.version
"""

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
    return Statement(_PAGE.format(where=" AND ".join(conditions) or "true"), types | PAGE_TYPES)


async def save_people(connection: Connection, events: Sequence[Event[EmployeeState]]) -> None:
    """Keeps the newest version of each person."""
    states = [event.data for event in events]
    await connection.execute(
        _SAVE_PEOPLE,
        [event.organisation_id for event in events],
        [state.id for state in states],
        [state.version for state in states],
        [state.type for state in states],
        [state.full_name for state in states],
        [state.company and state.company.id for state in states],
        [state.company and state.company.name for state in states],
        [state.removed for state in states],
    )


async def save_courses(connection: Connection, events: Sequence[Event[CourseState]]) -> None:
    """Keeps the newest version of each course; one that was deleted stays as it was last, and no record shows it."""
    states = [event.data for event in events]
    await connection.execute(
        _SAVE_COURSES,
        [event.organisation_id for event in events],
        [state.id for state in states],
        [state.version for state in states],
        [state.title for state in states],
        [state.delivery_mode in _ONLINE_MODES for state in states],
        [_json(state.labels) for state in states],
    )


async def save_sessions(connection: Connection, events: Sequence[Event[SessionState]]) -> None:
    """Keeps the newest version of each session, a deleted one too."""
    states = [event.data for event in events]
    await connection.execute(
        _SAVE_SESSIONS,
        [event.organisation_id for event in events],
        [state.id for state in states],
        [state.version for state in states],
        [state.session_name for state in states],
        [state.start_date for state in states],
        [state.location for state in states],
        [_json(state.projects) for state in states],
    )


async def save_records(connection: Connection, events: Sequence[EnrollmentEvent]) -> None:
    """Keeps the newest version of each training record."""
    states = [event.data for event in events]
    await connection.execute(
        _SAVE_RECORDS,
        [event.organisation_id for event in events],
        [state.id for state in states],
        [state.version for state in states],
        [state.employee_id for state in states],
        [state.session_id for state in states],
        [state.course_id for state in states],
        [state.status for state in states],
        [state.score is not None for state in states],
        [state.completed_at for state in states],
        [state.valid_until for state in states],
        [state.checked_in_at for state in states],
        [state.check_in_method for state in states],
    )


def _json(items: Sequence[NamedItem]) -> str:
    return json.dumps([item.model_dump() for item in items])
