"""SQL of what clients read: pages and documents leave PostgreSQL as JSON text, in one round trip each."""

from datetime import UTC, datetime

from services.enrollment.schemas import EnrollmentQuery, PersonQuery
from shared.database import Connection, like, where
from shared.http.conditional import Document
from shared.http.pagination import PagedQuery

_ENROLLMENT_ITEM = """
    'id', e.id,
    'employee', json_build_object('id', p.id, 'employee_id', p.employee_id, 'full_name', p.full_name),
    'session', json_build_object('id', s.id, 'course', json_build_object('id', c.id, 'title', c.title),
        'start_date', to_char(s.start_date AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'location', s.location),
    'status', e.status, 'score', trim_scale(e.score), 'passed', e.passed, 'feedback', e.feedback,
    'enrolled_at', training_timestamp(e.enrolled_at), 'completed_at', training_timestamp(e.completed_at)
"""

# The place in line is counted, not kept: it moves when others leave.
_WAITLIST_POSITION = """
    'waitlist_position', (SELECT count(*) FROM enrollments w WHERE w.organisation_id = e.organisation_id
        AND w.session_id = e.session_id AND w.status = 'waitlisted' AND w.id <= e.id)
"""


def _with_waitlist_position(members: str) -> str:
    """A JSON object that tells the place in line of those who have one."""
    return f"""CASE WHEN e.status = 'waitlisted' THEN json_build_object({members}, {_WAITLIST_POSITION})
        ELSE json_build_object({members}) END"""


_ENROLLMENT_JOINS = """
    JOIN people p ON p.organisation_id = e.organisation_id AND p.id = e.employee_id
    JOIN sessions s ON s.organisation_id = e.organisation_id AND s.id = e.session_id
    JOIN courses c ON c.organisation_id = e.organisation_id AND c.id = e.course_id
"""

_ENROLLMENT_PAGE = """
SELECT (SELECT count(*) FROM enrollments e WHERE {where}) AS total,
       coalesce((SELECT json_agg({item} ORDER BY e.id DESC) FROM (
           SELECT * FROM enrollments e WHERE {where} ORDER BY e.id DESC LIMIT {limit} OFFSET {offset}
       ) e {joins}), '[]')::text AS items
"""

_ENROLLMENT_MORE = """
    'certificate_url', e.certificate_url, 'checked_in_at', training_timestamp(e.checked_in_at),
    'check_in_method', e.check_in_method
"""

_ENROLLMENT_DETAIL = f"""
SELECT e.version, ({_with_waitlist_position(f"{_ENROLLMENT_ITEM}, {_ENROLLMENT_MORE}")})::text AS document
FROM enrollments e {_ENROLLMENT_JOINS}
WHERE e.organisation_id = $1 AND e.id = $2
"""  # noqa: S608 - made of constants

_COMPLETION = """
SELECT e.version, json_build_object('id', e.id, 'employee', json_build_object('id', p.id, 'full_name', p.full_name),
    'status', e.status, 'score', trim_scale(e.score), 'passed', e.passed, 'feedback', e.feedback,
    'completed_at', training_timestamp(e.completed_at))::text AS document
FROM enrollments e JOIN people p ON p.organisation_id = e.organisation_id AND p.id = e.employee_id
WHERE e.organisation_id = $1 AND e.id = $2
"""

_AUDIT_PAGE = """
SELECT EXISTS (SELECT FROM enrollments WHERE organisation_id = $1 AND id = $2) AS found,
    (SELECT count(*) FROM audit WHERE organisation_id = $1 AND enrollment_id = $2) AS total,
    coalesce((SELECT json_agg(json_build_object('version', version, 'action', action,
        'changed_at', training_timestamp(changed_at),
        'changed_by', json_build_object('subject', actor_subject, 'name', actor_name),
        'request_id', request_id, 'changes', changes) ORDER BY version) FROM (
            SELECT * FROM audit WHERE organisation_id = $1 AND enrollment_id = $2
            ORDER BY version LIMIT $3 OFFSET $4
        ) entry), '[]')::text AS items
"""

_SESSIONS_WITH_ROOM = """
SELECT s.id, s.seats_max - s.seats_taken AS room
FROM sessions s JOIN courses c ON c.organisation_id = s.organisation_id AND c.id = s.course_id
WHERE s.organisation_id = $1 AND s.status = 'scheduled' AND NOT s.removed AND s.seats_taken < s.seats_max
ORDER BY s.id
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
SELECT p.version, json_build_object({_PERSON_ITEM})::text AS document FROM people p
WHERE p.organisation_id = $1 AND p.type = $2 AND p.id = $3 AND NOT p.removed
"""  # noqa: S608 - made of constants


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
        item=_with_waitlist_position(_ENROLLMENT_ITEM),
        joins=_ENROLLMENT_JOINS,
        limit=f"${count + 1}",
        offset=f"${count + 2}",
    )
    [row] = await connection.fetch(statement, *arguments, query.per_page, query.offset)
    return row["total"], row["items"]


async def enrollment_detail(connection: Connection, organisation_id: int, enrollment_id: int) -> Document | None:
    row = await connection.fetchrow(_ENROLLMENT_DETAIL, organisation_id, enrollment_id)
    return None if row is None else Document(row["version"], row["document"])


async def completion(connection: Connection, organisation_id: int, enrollment_id: int) -> Document:
    """What the answer to a completion tells."""
    [row] = await connection.fetch(_COMPLETION, organisation_id, enrollment_id)
    return Document(row["version"], row["document"])


async def audit_page(
    connection: Connection, organisation_id: int, enrollment_id: int, query: PagedQuery
) -> tuple[bool, int, str]:
    """Whether there is such an enrollment, how many of its changes are known, and the page of them as JSON text."""
    [row] = await connection.fetch(_AUDIT_PAGE, organisation_id, enrollment_id, query.per_page, query.offset)
    return row["found"], row["total"], row["items"]


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


async def person_detail(connection: Connection, organisation_id: int, type_: str, person_id: int) -> Document | None:
    """The person, unless they are removed or of the other type."""
    row = await connection.fetchrow(_PERSON_DETAIL, organisation_id, type_, person_id)
    return None if row is None else Document(row["version"], row["document"])


async def sessions_with_room(connection: Connection, organisation_id: int) -> list[tuple[int, int]]:
    """Scheduled sessions with free seats, and how many each has."""
    rows = await connection.fetch(_SESSIONS_WITH_ROOM, organisation_id)
    return [(row["id"], row["room"]) for row in rows]
