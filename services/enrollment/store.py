"""Every SQL statement of enrollment. Pages and documents leave PostgreSQL as JSON text, in one round trip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.enrollment.rules import Candidate, CandidateKey, Grading, Seats, SessionKey
from services.enrollment.schemas import EmployeeFields, EnrollmentQuery, PersonQuery
from shared.database import Connection, like, where
from shared.events import CourseSaved, EmployeeState, EnrollmentState, NamedItem, SessionSaved

_ENROLLMENT_ITEM = """
    'id', e.id,
    'employee', json_build_object('id', p.id, 'employee_id', p.employee_id, 'full_name', p.full_name),
    'session', json_build_object('id', s.id, 'course', json_build_object('id', c.id, 'title', c.title),
        'start_date', to_char(s.start_date AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'location', s.location),
    'status', e.status, 'score', trim_scale(e.score), 'passed', e.passed, 'feedback', e.feedback,
    'enrolled_at', training_timestamp(e.enrolled_at), 'completed_at', training_timestamp(e.completed_at)
"""

_ENROLLMENT_JOINS = """
    JOIN people p ON p.organisation_id = e.organisation_id AND p.id = e.employee_id
    JOIN sessions s ON s.organisation_id = e.organisation_id AND s.id = e.session_id
    JOIN courses c ON c.organisation_id = e.organisation_id AND c.id = e.course_id
"""

_ENROLLMENT_PAGE = """
SELECT (SELECT count(*) FROM enrollments e WHERE {where}) AS total,
       coalesce((SELECT json_agg(json_build_object({item}) ORDER BY e.id DESC) FROM (
           SELECT * FROM enrollments e WHERE {where} ORDER BY e.id DESC LIMIT {limit} OFFSET {offset}
       ) e {joins}), '[]')::text AS items
"""

_ENROLLMENT_DETAIL = f"""
SELECT json_build_object({_ENROLLMENT_ITEM}, 'certificate_url', e.certificate_url,
    'checked_in_at', training_timestamp(e.checked_in_at), 'check_in_method', e.check_in_method)::text
FROM enrollments e {_ENROLLMENT_JOINS}
WHERE e.organisation_id = $1 AND e.id = $2
"""  # noqa: S608 - made of constants

_COMPLETION = """
SELECT json_build_object('id', e.id, 'employee', json_build_object('id', p.id, 'full_name', p.full_name),
    'status', e.status, 'score', trim_scale(e.score), 'passed', e.passed, 'feedback', e.feedback,
    'completed_at', training_timestamp(e.completed_at))::text
FROM enrollments e JOIN people p ON p.organisation_id = e.organisation_id AND p.id = e.employee_id
WHERE e.organisation_id = $1 AND e.id = $2
"""

# Sessions are locked in the order of their ids, so that two batches cannot wait for each other. One whose course
# has not arrived yet counts as unknown.
_LOCK_SESSIONS = """
SELECT s.organisation_id, s.id, s.course_id, s.status, s.seats_max, s.seats_taken
FROM sessions s JOIN courses c ON c.organisation_id = s.organisation_id AND c.id = s.course_id
WHERE (s.organisation_id, s.id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
ORDER BY s.organisation_id, s.id
FOR UPDATE OF s
"""

# FOR SHARE OF people: a person who is being removed is either gone already or enrolled before.
_CANDIDATES = """
SELECT asked.organisation_id, asked.session_id, asked.employee_id, p.id IS NOT NULL AS known,
    EXISTS (
        SELECT FROM enrollments e
        WHERE e.organisation_id = asked.organisation_id AND e.session_id = asked.session_id
            AND e.employee_id = asked.employee_id AND e.status <> 'cancelled'
    ) AS enrolled,
    ARRAY (
        SELECT coalesce(required.title, 'course ' || required_id)
        FROM unnest(c.prerequisites) AS required_id
        LEFT JOIN courses required ON required.organisation_id = c.organisation_id AND required.id = required_id
        WHERE NOT EXISTS (
            SELECT FROM enrollments done
            WHERE done.organisation_id = asked.organisation_id AND done.employee_id = asked.employee_id
                AND done.course_id = required_id AND done.status = 'completed'
                AND (done.valid_until IS NULL OR done.valid_until > now())
        )
        ORDER BY required_id
    ) AS missing
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
    AS asked (organisation_id, session_id, course_id, employee_id)
JOIN courses c ON c.organisation_id = asked.organisation_id AND c.id = asked.course_id
LEFT JOIN people p ON p.organisation_id = asked.organisation_id AND p.id = asked.employee_id AND NOT p.removed
"""

_SHARE_PEOPLE = """
SELECT FROM people WHERE (organisation_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
ORDER BY organisation_id, id FOR SHARE
"""

_INSERT_ENROLLMENTS = """
INSERT INTO enrollments (organisation_id, session_id, course_id, employee_id, status, enrolled_at)
SELECT organisation_id, session_id, course_id, employee_id, 'enrolled', coalesce(enrolled_at, now())
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[]) WITH ORDINALITY
    AS new (organisation_id, session_id, course_id, employee_id, enrolled_at, position)
ORDER BY position
RETURNING *
"""

# The condition repeats what the locked row said already: should a lock ever be lost, no seat is sold twice.
_TAKE_SEATS = """
UPDATE sessions s SET seats_taken = s.seats_taken + asked.seats
FROM unnest($1::bigint[], $2::bigint[], $3::integer[]) AS asked (organisation_id, session_id, seats)
WHERE s.organisation_id = asked.organisation_id AND s.id = asked.session_id
    AND s.seats_taken + asked.seats <= s.seats_max
"""

_LOCK_ENROLLMENT = """
SELECT e.*, c.pass_score, c.validity_months, now() AS now
FROM enrollments e JOIN courses c ON c.organisation_id = e.organisation_id AND c.id = e.course_id
WHERE e.organisation_id = $1 AND e.id = $2
FOR UPDATE OF e
"""

_UPDATE_ENROLLMENT = """
UPDATE enrollments SET version = $3, status = $4, score = $5, passed = $6, feedback = $7, certificate_url = $8,
    completed_at = $9, valid_until = $10, checked_in_at = $11, check_in_method = $12
WHERE organisation_id = $1 AND id = $2
"""

_RELEASE_SEAT = """
UPDATE sessions SET seats_taken = seats_taken - 1 WHERE organisation_id = $1 AND id = $2
"""

_PERSON_ITEM = """
    'id', p.id, 'type', p.type, 'employee_id', p.employee_id, 'full_name', p.full_name,
    'company', CASE WHEN p.company_id IS NOT NULL THEN
        json_build_object('id', p.company_id, 'name', p.company_name) END,
    'created_at', training_timestamp(p.created_at)
"""

_PERSON_PAGE = """
SELECT (SELECT count(*) FROM people p WHERE {where}) AS total,
       coalesce((SELECT json_agg(json_build_object({item}) ORDER BY p.id) FROM (
           SELECT * FROM people p WHERE {where} ORDER BY p.id LIMIT {limit} OFFSET {offset}
       ) p), '[]')::text AS items
"""

_PERSON_DETAIL = f"""
SELECT json_build_object({_PERSON_ITEM})::text FROM people p
WHERE p.organisation_id = $1 AND p.type = $2 AND p.id = $3 AND NOT p.removed
"""  # noqa: S608 - made of constants

_SAVE_PERSON = """
INSERT INTO people (organisation_id, id, version, type, employee_id, full_name, company_id, company_name, removed,
    created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10, now()))
ON CONFLICT (organisation_id, id) DO UPDATE SET version = excluded.version, type = excluded.type,
    employee_id = excluded.employee_id, full_name = excluded.full_name, company_id = excluded.company_id,
    company_name = excluded.company_name, removed = excluded.removed
WHERE people.version = excluded.version - 1
RETURNING *
"""

_SAVE_COURSES = """
INSERT INTO courses (organisation_id, id, version, title, pass_score, validity_months, prerequisites)
SELECT organisation_id, id, version, title, pass_score, validity_months,
    ARRAY (SELECT jsonb_array_elements_text(prerequisites)::bigint)
FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::numeric[], $6::integer[], $7::jsonb[])
    AS new (organisation_id, id, version, title, pass_score, validity_months, prerequisites)
ON CONFLICT (organisation_id, id) DO UPDATE SET version = excluded.version, title = excluded.title,
    pass_score = excluded.pass_score, validity_months = excluded.validity_months,
    prerequisites = excluded.prerequisites
WHERE excluded.version > courses.version
"""

_SAVE_SESSIONS = """
INSERT INTO sessions (organisation_id, id, version, course_id, start_date, location, status, seats_max)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::bigint[], $5::timestamptz[], $6::text[],
    $7::text[], $8::integer[])
ON CONFLICT (organisation_id, id) DO UPDATE SET version = excluded.version, course_id = excluded.course_id,
    start_date = excluded.start_date, location = excluded.location, status = excluded.status,
    seats_max = greatest(excluded.seats_max, sessions.seats_taken)
WHERE excluded.version > sessions.version
"""


@dataclass(frozen=True, slots=True)
class LockedEnrollment:
    """An enrollment that nobody else can change now, its course's grading, and the database's clock."""

    state: EnrollmentState
    grading: Grading
    now: datetime


@dataclass(frozen=True, slots=True)
class NewEnrollment:
    """An enrollment to be written; `enrolled_at` is the database's now where it is not given."""

    organisation_id: int
    session_id: int
    course_id: int
    employee_id: int
    enrolled_at: datetime | None


async def enrollment_page(connection: Connection, organisation_id: int, query: EnrollmentQuery) -> tuple[int, str]:
    """How many enrollments match, and the page of them as JSON text."""
    year = query.year
    conditions, arguments = where(
        {
            "e.organisation_id = {}": organisation_id,
            "e.employee_id = {}": query.employee_id,
            "e.session_id = {}": query.session_id,
            "e.course_id = {}": query.course_id,
            "e.status = {}": query.status,
            "e.enrolled_at >= {}": None if year is None else datetime(year, 1, 1, tzinfo=UTC),
            "e.enrolled_at < {}": None if year is None else datetime(year + 1, 1, 1, tzinfo=UTC),
        }
    )
    count = len(arguments)
    statement = _ENROLLMENT_PAGE.format(
        where=conditions,
        item=_ENROLLMENT_ITEM,
        joins=_ENROLLMENT_JOINS,
        limit=f"${count + 1}",
        offset=f"${count + 2}",
    )
    [row] = await connection.fetch(statement, *arguments, query.per_page, query.offset)
    return row["total"], row["items"]


async def enrollment_detail(connection: Connection, organisation_id: int, enrollment_id: int) -> str | None:
    """The enrollment as JSON text."""
    text: str | None = await connection.fetchval(_ENROLLMENT_DETAIL, organisation_id, enrollment_id)
    return text


async def completion(connection: Connection, organisation_id: int, enrollment_id: int) -> str:
    """What the answer to a completion tells, as JSON text."""
    text: str = await connection.fetchval(_COMPLETION, organisation_id, enrollment_id)
    return text


async def lock_sessions(connection: Connection, keys: Sequence[SessionKey]) -> dict[SessionKey, Seats]:
    """Those of the sessions that are known here, kept from other changes until the transaction ends."""
    rows = await connection.fetch(_LOCK_SESSIONS, [key[0] for key in keys], [key[1] for key in keys])
    return {
        (row["organisation_id"], row["id"]): Seats(
            row["id"], row["course_id"], row["status"], row["seats_max"], row["seats_taken"]
        )
        for row in rows
    }


async def candidates(connection: Connection, asked: Sequence[NewEnrollment]) -> dict[CandidateKey, Candidate]:
    """What the rules need to know of everyone asked for."""
    organisations = [new.organisation_id for new in asked]
    people = [new.employee_id for new in asked]
    await connection.execute(_SHARE_PEOPLE, organisations, people)
    sessions, courses = [new.session_id for new in asked], [new.course_id for new in asked]
    rows = await connection.fetch(_CANDIDATES, organisations, sessions, courses, people)
    return {
        (row["organisation_id"], row["session_id"], row["employee_id"]): Candidate(
            row["employee_id"], row["known"], row["enrolled"], tuple(row["missing"])
        )
        for row in rows
    }


async def insert_enrollments(connection: Connection, new: Sequence[NewEnrollment]) -> list[EnrollmentState]:
    """The enrollments as they stand, in the order given."""
    rows = await connection.fetch(
        _INSERT_ENROLLMENTS,
        [row.organisation_id for row in new],
        [row.session_id for row in new],
        [row.course_id for row in new],
        [row.employee_id for row in new],
        [row.enrolled_at for row in new],
    )
    return [EnrollmentState.model_validate(dict(row)) for row in rows]


async def take_seats(connection: Connection, seats: Mapping[SessionKey, int]) -> bool:
    """Takes that many seats of each session; whether every session had them."""
    done = await connection.execute(
        _TAKE_SEATS, [key[0] for key in seats], [key[1] for key in seats], list(seats.values())
    )
    return done == f"UPDATE {len(seats)}"


async def release_seat(connection: Connection, organisation_id: int, session_id: int) -> None:
    await connection.execute(_RELEASE_SEAT, organisation_id, session_id)


async def lock_enrollment(connection: Connection, organisation_id: int, enrollment_id: int) -> LockedEnrollment | None:
    row = await connection.fetchrow(_LOCK_ENROLLMENT, organisation_id, enrollment_id)
    if row is None:
        return None
    state = EnrollmentState.model_validate(dict(row))
    return LockedEnrollment(state, Grading(row["pass_score"], row["validity_months"]), row["now"])


async def update_enrollment(connection: Connection, organisation_id: int, state: EnrollmentState) -> None:
    await connection.execute(
        _UPDATE_ENROLLMENT,
        organisation_id,
        state.id,
        state.version,
        state.status,
        state.score,
        state.passed,
        state.feedback,
        state.certificate_url,
        state.completed_at,
        state.valid_until,
        state.checked_in_at,
        state.check_in_method,
    )


async def person_page(
    connection: Connection, organisation_id: int, type_: str, query: PersonQuery, company_id: int | None
) -> tuple[int, str]:
    """How many people match, and the page of them as JSON text."""
    conditions, arguments = where(
        {
            "p.organisation_id = {} AND NOT p.removed": organisation_id,
            "p.type = {}": type_,
            "p.company_id = {}": company_id,
            "p.full_name || ' ' || p.employee_id ILIKE {}": like(query.search) if query.search else None,
        }
    )
    count = len(arguments)
    statement = _PERSON_PAGE.format(where=conditions, item=_PERSON_ITEM, limit=f"${count + 1}", offset=f"${count + 2}")
    [row] = await connection.fetch(statement, *arguments, query.per_page, query.offset)
    return row["total"], row["items"]


async def person_detail(connection: Connection, organisation_id: int, type_: str, person_id: int) -> str | None:
    """The person as JSON text, unless they are removed or of the other type."""
    text: str | None = await connection.fetchval(_PERSON_DETAIL, organisation_id, type_, person_id)
    return text


async def lock_person(connection: Connection, organisation_id: int, person_id: int) -> EmployeeState | None:
    """The person, removed or not, kept from other changes until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT * FROM people WHERE organisation_id = $1 AND id = $2 FOR UPDATE", organisation_id, person_id
    )
    return None if row is None else _person_state(row)


async def save_person(
    connection: Connection,
    organisation_id: int,
    person: EmployeeState | None,
    *,
    person_id: int,
    type_: str,
    fields: EmployeeFields,
    created_at: datetime | None = None,
    removed: bool = False,
) -> EmployeeState | None:
    """The person's next version after `person`, or `None` where another change came first."""
    row = await connection.fetchrow(
        _SAVE_PERSON,
        organisation_id,
        person_id,
        1 if person is None else person.version + 1,
        type_,
        fields.employee_id,
        fields.full_name,
        fields.company and fields.company.id,
        fields.company and fields.company.name,
        removed,
        created_at,
    )
    return None if row is None else _person_state(row)


def _person_state(row: Any) -> EmployeeState:
    company = None if row["company_id"] is None else NamedItem(id=row["company_id"], name=row["company_name"])
    return EmployeeState.model_validate({**row, "company": company})


async def save_courses(connection: Connection, events: Sequence[CourseSaved]) -> None:
    """Keeps the newest version of each course."""
    states = [event.data for event in events]
    await connection.execute(
        _SAVE_COURSES,
        [event.organisation_id for event in events],
        [state.id for state in states],
        [state.version for state in states],
        [state.title for state in states],
        [state.pass_score for state in states],
        [state.validity_months for state in states],
        [str(list(state.prerequisites)) for state in states],
    )


async def save_sessions(connection: Connection, events: Sequence[SessionSaved]) -> None:
    """Keeps the newest version of each session, and never fewer seats than are taken."""
    states = [event.data for event in events]
    await connection.execute(
        _SAVE_SESSIONS,
        [event.organisation_id for event in events],
        [state.id for state in states],
        [state.version for state in states],
        [state.course_id for state in states],
        [state.start_date for state in states],
        [state.location for state in states],
        [state.status for state in states],
        [state.max_participants for state in states],
    )


async def sessions_with_room(connection: Connection, organisation_id: int) -> list[tuple[int, int]]:
    """Scheduled sessions with free seats, and how many each has."""
    rows = await connection.fetch(
        "SELECT s.id, s.seats_max - s.seats_taken AS room FROM sessions s"
        " JOIN courses c ON c.organisation_id = s.organisation_id AND c.id = s.course_id"
        " WHERE s.organisation_id = $1 AND s.status = 'scheduled' AND s.seats_taken < s.seats_max ORDER BY s.id",
        organisation_id,
    )
    return [(row["id"], row["room"]) for row in rows]


async def start_ids_at(connection: Connection, enrollment_id: int) -> None:
    """The id that the next enrollment gets, for rows that come with ids of their own."""
    await connection.execute("SELECT setval('enrollment_ids', $1, false)", enrollment_id)
