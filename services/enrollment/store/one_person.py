"""SQL of all that is known of one person, part by part, as JSON text (contract, section 4)."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final, NamedTuple

from services.enrollment.store import calendars, record_pages
from services.enrollment.store.people import person_state
from shared.events.states import EmployeeState
from shared.postgres.pool import Connection

ROWS: Final = 500
"""That one statement reads."""

_SAME = """
WITH RECURSIVE same AS (
    SELECT $2::bigint AS id
    UNION
    SELECT p.id FROM same JOIN people p ON p.organisation_id = $1 AND p.merged_into = same.id
)
SELECT id FROM same ORDER BY id
"""
_ONE = "SELECT * FROM people WHERE organisation_id = $1 AND id = $2 AND type = $3"

_PERSON = """json_build_object('id', p.id, 'type', p.type, 'employee_id', p.employee_id, 'full_name', p.full_name,
    'company', CASE WHEN p.company_id IS NOT NULL THEN
        json_build_object('id', p.company_id, 'name', p.company_name) END,
    'created_at', training_timestamp(p.created_at), 'removed', p.removed, 'merged_into', p.merged_into,
    'erased_at', training_timestamp(p.erased_at))"""
_COURSE = "CASE WHEN c.id IS NOT NULL THEN json_build_object('id', c.id, 'title', c.title) END"
_ENROLLMENT = f"""json_build_object('id', e.id, 'course', {_COURSE},
    'session', CASE WHEN s.id IS NOT NULL THEN json_build_object('id', s.id, 'name', s.session_name,
        'start_date', training_timestamp(s.start_date), 'location', s.location) END,
    'status', e.status, 'score', trim_scale(e.score), 'passed', e.passed, 'feedback', e.feedback,
    'certificate_url', e.certificate_url, 'enrolled_at', training_timestamp(e.enrolled_at),
    'completed_at', training_timestamp(e.completed_at), 'valid_until', training_timestamp(e.valid_until),
    'checked_in_at', training_timestamp(e.checked_in_at), 'check_in_method', e.check_in_method,
    'attendance', (
        SELECT coalesce(json_agg(json_build_object('meeting_id', a.meeting_id,
            'checked_in_at', training_timestamp(a.checked_in_at), 'check_in_method', a.check_in_method)
            ORDER BY a.checked_in_at), '[]')
        FROM jsonb_to_recordset(e.attendance)
            AS a (meeting_id bigint, checked_in_at timestamptz, check_in_method text)),
    'remembered', e.remembered)"""  # noqa: S608 - of constants alone
_CERTIFICATION = f"""json_build_object('course', {_COURSE}, 'of', h.enrollment_id,
    'completed_at', training_timestamp(h.completed_at), 'valid_until', training_timestamp(h.valid_until))"""
_ASKED = "json_build_object('id', r.id, 'name', r.name)"
_ASKED_OF = f"""(SELECT coalesce(json_agg({_ASKED} ORDER BY r.id), '[]') FROM requirements r
    WHERE r.organisation_id = h.organisation_id AND r.id = ANY(h.{{column}}))"""  # noqa: S608 - of constants alone
_CLEARANCE = f"""json_build_object('employee_id', h.employee_id, 'version', h.version,
    'lacking', {_ASKED_OF.format(column="lacking")}, 'in_grace', {_ASKED_OF.format(column="in_grace")},
    'ending', (
        SELECT coalesce(json_agg(json_build_object('requirement', {_ASKED}, 'ends_at', training_timestamp(u.ends_at))
            ORDER BY r.id), '[]')
        FROM unnest(h.ending, h.ending_at) AS u (id, ends_at)
        JOIN requirements r ON r.organisation_id = h.organisation_id AND r.id = u.id))"""  # noqa: S608 - of constants alone
_CREDENTIAL = """json_build_object('id', h.id, 'of', h.of_id, 'issued_at', training_timestamp(h.issued_at),
    'revoked_at', training_timestamp(h.revoked_at), 'says', h.content)"""
_CHANGE = """json_build_object('kind', {kind}, 'id', {id}, 'version', a.version, 'action', a.action,
    'changed_at', training_timestamp(a.changed_at),
    'changed_by', json_build_object('subject', a.actor_subject, 'name', a.actor_name),
    'request_id', a.request_id, 'changes', a.changes)"""


class _Part(NamedTuple):
    """Rows of an organisation `$1` and some people `$2`, in the order of two numbers, which are a key together."""

    item: str
    rows: str
    key: tuple[str, str]

    @property
    def statement(self) -> str:
        first, second = self.key
        return f"""
            SELECT string_agg(item, ', ' ORDER BY first, second) AS items, count(*) AS count,
                (array_agg(first ORDER BY first DESC, second DESC))[1] AS first,
                (array_agg(second ORDER BY first DESC, second DESC))[1] AS second
            FROM (
                SELECT {first}::bigint AS first, {second}::bigint AS second, ({self.item})::text AS item {self.rows}
                    AND ({first}, {second}) > ($3, $4)
                ORDER BY {first}, {second} LIMIT {ROWS}
            ) AS read
        """  # noqa: S608 - of constants alone


_OF = "{0}.organisation_id = $1 AND {0}.{1} = ANY($2::bigint[])"
_CATALOG = """
    LEFT JOIN courses c ON c.organisation_id = e.organisation_id AND c.id = e.course_id
    LEFT JOIN sessions s ON s.organisation_id = e.organisation_id AND s.id = e.session_id
"""
_PARTS: Mapping[str, Sequence[_Part]] = {
    "people": [_Part(_PERSON, f"FROM people p WHERE {_OF.format('p', 'id')}", ("p.id", "0::bigint"))],
    "enrollments": [
        _Part(
            _ENROLLMENT, f"FROM enrollments e {_CATALOG} WHERE {_OF.format('e', 'employee_id')}", ("e.id", "0::bigint")
        )
    ],
    "records": [
        _Part(
            record_pages.ITEM,
            f"FROM external_records r {record_pages.JOINS} WHERE {_OF.format('r', 'employee_id')}",
            ("r.id", "0::bigint"),
        )
    ],
    "certifications": [
        _Part(
            _CERTIFICATION,
            "FROM certifications h LEFT JOIN courses c ON c.organisation_id = h.organisation_id AND c.id = h.course_id"
            f" WHERE {_OF.format('h', 'employee_id')}",
            ("h.course_id", "h.employee_id"),
        )
    ],
    "clearances": [
        _Part(_CLEARANCE, f"FROM clearances h WHERE {_OF.format('h', 'employee_id')}", ("h.employee_id", "0::bigint"))
    ],
    "calendars": [
        _Part(
            calendars.ITEM,
            f"FROM calendars c WHERE c.kind = 'person' AND {_OF.format('c', 'of_id')}",
            ("c.id", "0::bigint"),
        )
    ],
    "credentials": [
        _Part(_CREDENTIAL, f"FROM credentials h WHERE {_OF.format('h', 'employee_id')}", ("h.id", "0::bigint"))
    ],
    "changes": [
        _Part(
            _CHANGE.format(kind="'person'", id="a.id"),
            f"FROM audit_trail a WHERE a.kind = 'person' AND {_OF.format('a', 'id')}",
            ("a.id", "a.version"),
        ),
        _Part(
            _CHANGE.format(kind="'enrollment'", id="a.enrollment_id"),
            "FROM enrollments e JOIN audit a ON a.organisation_id = e.organisation_id AND a.enrollment_id = e.id"
            f" WHERE {_OF.format('e', 'employee_id')}",
            ("a.enrollment_id", "a.version"),
        ),
        _Part(
            _CHANGE.format(kind="'record'", id="a.id"),
            "FROM external_records r JOIN audit_trail a"
            f" ON a.organisation_id = r.organisation_id AND a.kind = '{record_pages.KIND}' AND a.id = r.id"
            f" WHERE {_OF.format('r', 'employee_id')}",
            ("a.id", "a.version"),
        ),
    ],
}
PARTS: Final = tuple(_PARTS)


async def person(connection: Connection, organisation_id: int, type_: str, person_id: int) -> EmployeeState | None:
    """Whoever was ever there, removed or not."""
    row = await connection.fetchrow(_ONE, organisation_id, person_id, type_)
    return None if row is None else person_state(row)


async def same_people(connection: Connection, organisation_id: int, person_id: int) -> list[int]:
    """The person, and those who turned out to be the same."""
    return [row["id"] for row in await connection.fetch(_SAME, organisation_id, person_id)]


async def part(
    connection: Connection, organisation_id: int, ids: Sequence[int], name: str, check: Callable[[], None]
) -> AsyncIterator[str]:
    """All rows of a part, some at a time, as members of a JSON array. `check` is called before each read."""
    for each in _PARTS[name]:
        first, second = 0, -1
        while True:
            check()
            [row] = await connection.fetch(each.statement, organisation_id, ids, first, second)
            if row["count"]:
                yield row["items"]
            if row["count"] < ROWS:
                break
            first, second = row["first"], row["second"]
