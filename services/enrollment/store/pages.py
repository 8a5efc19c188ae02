"""SQL of what clients read: pages and documents leave PostgreSQL as JSON text, in one round trip each.

Where a filter may leave many rows, their number comes from the totals that triggers keep: of enrollments by course,
status and year, in any combination, and without any; of people by type and company. What is left of one session, one
person's enrollments or a search is counted: the first two are few and adjacent in an index, and there are no totals
for parts of texts. A page takes its ids out of an index first, and the rows of those alone are joined.

Days and years are the organisation's (shared/postgres/local_days.py). Totals and the index of years are kept by years
of UTC: the rows of the hours by which the two differ are looked up by their time.
"""

from collections.abc import Sequence
from functools import cache
from typing import get_args

from services.enrollment.representations import enrollment_row
from services.enrollment.schemas import EnrollmentQuery, Status
from services.enrollment.store.sights import PEOPLE_IN_SIGHT, SIGHT_TYPES, in_sight, sight_arguments
from shared.auth.sight import EVERYBODY, Sight
from shared.http.conditional import Document
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres import audit_trail
from shared.postgres.batched_reads import DEEP, PageRead, Statement
from shared.postgres.lists import Shown, Window, list_of, list_of_found, page_of, to_end_of_page, union_over
from shared.postgres.local_days import (
    KEPT_ZONE,
    LISTED,
    around_start,
    day_of,
    keep_days,
    kept_day,
    more_than_in_utc,
    zone_of,
)
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped

_ENROLLMENT_ITEM = """
    'id', e.id,
    'employee', json_build_object('id', p.id, 'employee_id', p.employee_id, 'full_name', p.full_name),
    'session', json_build_object('id', s.id, 'course', json_build_object('id', c.id, 'title', c.title),
        'start_date', {start_date}, 'location', s.location),
    'status', e.status, 'score', trim_scale(e.score), 'passed', e.passed, 'feedback', e.feedback,
    'enrolled_at', training_timestamp(e.enrolled_at), 'completed_at', training_timestamp(e.completed_at)
"""


def _enrollment_item(organisation_id: str) -> str:
    """With the parameter of the statement that is the organisation's id."""
    return _ENROLLMENT_ITEM.format(start_date=day_of("s.start_date", zone_of(organisation_id)))


# The position is counted, not stored: it changes when others leave.
_WAITLIST_POSITION = """
    'waitlist_position', (SELECT count(*) FROM enrollments w WHERE w.organisation_id = e.organisation_id
        AND w.session_id = e.session_id AND w.status = 'waitlisted' AND w.id <= e.id)
"""


def _with_waitlist_position(members: str) -> str:
    """A JSON object, with the position of those who are on the waitlist."""
    return f"""CASE WHEN e.status = 'waitlisted' THEN json_build_object({members}, {_WAITLIST_POSITION})
        ELSE json_build_object({members}) END"""


_ENROLLMENT_JOINS = """
    JOIN people p ON p.organisation_id = e.organisation_id AND p.id = e.employee_id
    JOIN sessions s ON s.organisation_id = e.organisation_id AND s.id = e.session_id
    JOIN courses c ON c.organisation_id = e.organisation_id AND c.id = e.course_id
"""

_LISTED_ENROLLMENTS = Shown(
    joins=f"JOIN enrollments e ON e.organisation_id = :organisation_id AND e.id = page.id {_ENROLLMENT_JOINS}",
    item=_with_waitlist_position(_enrollment_item(LISTED)),
)

_FILTERS = {
    "employee_id": ("e.employee_id = :employee_id", "bigint"),
    "session_id": ("e.session_id = :session_id", "bigint"),
    "course_id": ("e.course_id = :course_id", "bigint"),
    "status": ("e.status = :status", "text"),
    "year": (f"extract(year FROM e.enrolled_at AT TIME ZONE {KEPT_ZONE}) = :year", "integer"),
}
"""By the field of the query: condition and type."""
_YEAR_OF_UTC = "utc_year(e.enrolled_at) = :year"
_DATES_OF_YEAR = {"year_start": "make_date(:year, 1, 1)", "year_end": "make_date(:year + 1, 1, 1)"}
_LIMITS_OF_YEAR = dict(zip((">=", "<"), (kept_day(*each) for each in _DATES_OF_YEAR.items()), strict=True))
_NEAR_ITS_LIMITS = " OR ".join(around_start("e.enrolled_at", day) for day in _LIMITS_OF_YEAR.values())
_IN_CELLS = frozenset({"course_id", "status", "year"})
_LED_BY_STATUS = frozenset({"course_id", "year"})
"""Either has an index in which the status comes before the id."""
_FEW_MATCH = frozenset({"employee_id", "session_id"})
"""Either leaves few rows, of whom each is looked at; otherwise those in sight are the fewer ones."""

_ENROLLMENT_MORE = """
    'certificate_url', e.certificate_url, 'checked_in_at', training_timestamp(e.checked_in_at),
    'check_in_method', e.check_in_method
"""

_ATTENDANCE = """
    'attendance', (
        SELECT json_agg(json_build_object('meeting_id', m.id, 'start_date', training_timestamp(m.start_date),
            'end_date', training_timestamp(m.end_date), 'location', m.location,
            'checked_in_at', training_timestamp(a.checked_in_at), 'check_in_method', a.check_in_method)
            ORDER BY m.start_date)
        FROM jsonb_to_recordset(s.meetings)
            AS m (id bigint, start_date timestamptz, end_date timestamptz, location text)
        LEFT JOIN jsonb_to_recordset(e.attendance)
            AS a (meeting_id bigint, checked_in_at timestamptz, check_in_method text) ON a.meeting_id = m.id)
"""
_DETAIL = f"{_enrollment_item('$1')}, {_ENROLLMENT_MORE}"

_ENROLLMENT_DETAIL = scoped(
    f"""
SELECT e.version, (CASE WHEN s.meetings = '[]' THEN {_with_waitlist_position(_DETAIL)}
    ELSE {_with_waitlist_position(f"{_DETAIL}, {_ATTENDANCE}")} END)::text AS document
FROM enrollments e {_ENROLLMENT_JOINS}
WHERE e.organisation_id = $1 AND e.id = $2
""",  # noqa: S608 - made of constants
    ("bigint", "bigint"),
)

_ENROLLMENT_DETAIL_IN_SIGHT = scoped(
    f"""
SELECT e.version, ({_with_waitlist_position(f"{_enrollment_item('$1')}, {_ENROLLMENT_MORE}")})::text AS document
FROM enrollments e {_ENROLLMENT_JOINS}
WHERE e.organisation_id = $1 AND e.id = $2 AND {in_sight("$3", "$4")}
""",  # noqa: S608 - made of constants
    ("bigint", "bigint", *SIGHT_TYPES.values()),
)

_COMPLETION = """
SELECT e.version, json_build_object('id', e.id, 'employee', json_build_object('id', p.id, 'full_name', p.full_name),
    'status', e.status, 'score', trim_scale(e.score), 'passed', e.passed, 'feedback', e.feedback,
    'completed_at', training_timestamp(e.completed_at))::text AS document
FROM enrollments e JOIN people p ON p.organisation_id = e.organisation_id AND p.id = e.employee_id
WHERE e.organisation_id = $1 AND e.id = $2
"""

ENROLLMENT_TRAIL = audit_trail.Trail(
    "audit WHERE organisation_id = :organisation_id AND enrollment_id = :id",
    "EXISTS (SELECT FROM enrollments WHERE organisation_id = :organisation_id AND id = :id)",
)

SETTINGS_TRAIL = audit_trail.Trail(audit_trail.entries_of("settings"), "true")

_SESSIONS_WITH_ROOM = """
SELECT s.id, s.seats_max - s.seats_taken AS room
FROM sessions s JOIN courses c ON c.organisation_id = s.organisation_id AND c.id = s.course_id
WHERE s.organisation_id = $1 AND s.status = 'scheduled' AND NOT s.removed AND s.seats_taken < s.seats_max
ORDER BY s.id
"""

_ENROLLMENTS_OF = """
SELECT count(*) FROM enrollments WHERE organisation_id = $1 AND employee_id BETWEEN $2 AND $3
"""


def enrollment_page(organisation_id: int, query: EnrollmentQuery, sight: Sight = EVERYBODY) -> PageRead:
    """How many enrollments in sight match, and the page of them as JSON text.

    Companies may have any number of people: their plan is made for them.
    """
    asked = {name: value for name in _FILTERS if (value := getattr(query, name)) is not None}
    filters, paged = tuple(asked), (*asked.values(), *query.place)
    if sight.everybody:
        statement = _enrollment_statement(filters, query.window)
        return PageRead(statement, (organisation_id, *paged), slow=query.window.is_since or query.offset > DEEP)
    statement = _statement_in_sight(filters, query.window, of_companies=bool(sight.companies))
    of_many = query.window.is_since or (bool(sight.companies) and _FEW_MATCH.isdisjoint(filters))
    of_sight = sight_arguments(sight)[: len(_sight_types(of_companies=bool(sight.companies)))]
    return PageRead(statement, (organisation_id, *of_sight, *paged), slow=of_many or query.offset > DEEP)


def _sight_types(*, of_companies: bool) -> dict[str, str]:
    """A statement has no parameter that it does not name."""
    return SIGHT_TYPES if of_companies else {"own_person": SIGHT_TYPES["own_person"]}


@cache
def _enrollment_statement(filters: tuple[str, ...], window: Window) -> Statement:
    conditions = ["e.organisation_id = :organisation_id", *(_FILTERS[name][0] for name in filters)]
    conditions += window.changed("e")
    matching = f"FROM {'enrollments' if window.is_since else _listed(filters)} e WHERE {' AND '.join(conditions)}"
    ids = f"SELECT e.id {matching}{window.start('e.id', newest_first=True)}"
    ids = ids if window.is_since else _ids(filters, ids, window)
    is_kept = _IN_CELLS.issuperset(filters) and not window.is_since
    text = list_of(
        total=_total_of_cells(filters) if is_kept else f"SELECT count(*) {matching}",
        page=page_of(ids, "id DESC", MAX_PER_PAGE, window),
        order="e.id DESC",
        **_LISTED_ENROLLMENTS,
        window=window,
    )
    types = {"organisation_id": "bigint", **{name: _FILTERS[name][1] for name in filters}}
    return Statement(f"{keep_days(_DATES_OF_YEAR)} {text}" if "year" in filters else text, types | window.types)


@cache
def _statement_in_sight(filters: tuple[str, ...], window: Window, *, of_companies: bool) -> Statement:
    """What is in sight is found by the person, and counted."""
    conditions = ["e.organisation_id = :organisation_id", *(_FILTERS[name][0] for name in filters)]
    matching = f"enrollments e WHERE {' AND '.join([*conditions, *window.changed('e')])}"
    if not of_companies:
        matching = f"{matching} AND e.employee_id = :own_person"
    elif _FEW_MATCH.isdisjoint(filters):
        matching = f"{matching} AND e.employee_id IN ({PEOPLE_IN_SIGHT})"
    else:
        people = f"people p WHERE p.organisation_id = :organisation_id AND p.id = e.employee_id AND {in_sight()}"
        matching = f"{matching} AND EXISTS (SELECT FROM {people})"
    ids = f"SELECT e.id FROM {matching}"  # noqa: S608 - of constants
    days = keep_days(_DATES_OF_YEAR) if "year" in filters else ""
    text = list_of_found(
        ids, "e.id", MAX_PER_PAGE, **_LISTED_ENROLLMENTS, window=window, newest_first=True, tables=days
    )
    of_sight = _sight_types(of_companies=of_companies)
    types = {"organisation_id": "bigint", **of_sight, **{name: _FILTERS[name][1] for name in filters}}
    return Statement(text, types | window.types)


def _listed(filters: Sequence[str]) -> str:
    """A year is found by an index of what a function makes of a column: only a view can use it (decision 10)."""
    return "enrollments_in_scope" if "year" in filters else "enrollments"


def _ids(filters: Sequence[str], matching: str, window: Window) -> str:
    """`matching`, so that an index is walked no further than the page ends."""
    of_year = "year" in filters and _IN_CELLS.issuperset(filters)
    ids = f"{matching} AND {_YEAR_OF_UTC}" if of_year else matching
    if len(filters) == 1 and filters[0] in _LED_BY_STATUS:
        ids = union_over(ids, "id DESC", "e.status", get_args(Status), window)
    elif of_year:
        ids = to_end_of_page(ids, "id DESC", window)
    if not of_year:
        return ids
    in_another_of_utc = f"{matching} AND {KEPT_ZONE} <> 'UTC' AND NOT {_YEAR_OF_UTC} AND ({_NEAR_ITS_LIMITS})"
    return f"{ids} UNION ALL {to_end_of_page(in_another_of_utc, 'id DESC', window)}"


def _total_of_cells(filters: Sequence[str]) -> str:
    cells = {"course_id": "0"} | {name: f":{name}" for name in filters}
    where = " AND ".join(f"t.{name} = {value}" for name, value in cells.items())
    total = f"""
        SELECT coalesce(sum(t.total), 0)::bigint FROM enrollments_totals t
        WHERE t.organisation_id = :organisation_id AND {where}
    """  # noqa: S608 - made of constants
    if "year" not in filters:
        return total
    others = ["e.organisation_id = :organisation_id", *(_FILTERS[name][0] for name in filters if name != "year")]
    rows = f"FROM {_listed(filters)} e WHERE {' AND '.join(others)}"
    return f"({total}) + ({more_than_in_utc(rows, 'e.enrolled_at', _LIMITS_OF_YEAR, KEPT_ZONE)})"


async def enrollment_detail(
    connection: Connection, organisation_id: int, enrollment_id: int, sight: Sight = EVERYBODY
) -> Document | None:
    """None also for one that is not in sight."""
    key_arguments = organisation_id, enrollment_id
    if sight.everybody:
        row = await connection.fetchrow(_ENROLLMENT_DETAIL, *key_arguments)
    else:
        row = await connection.fetchrow(_ENROLLMENT_DETAIL_IN_SIGHT, *key_arguments, *sight_arguments(sight))
    key = enrollment_row(organisation_id, enrollment_id)
    return None if row is None else Document(key, row["version"], row["document"])


async def completion(connection: Connection, organisation_id: int, enrollment_id: int) -> Document:
    """The document that answers a completion."""
    [row] = await connection.fetch(_COMPLETION, organisation_id, enrollment_id)
    return Document(enrollment_row(organisation_id, enrollment_id), row["version"], row["document"])


async def sessions_with_room(connection: Connection, organisation_id: int) -> list[tuple[int, int]]:
    """Scheduled sessions with free seats, and how many each has."""
    rows = await connection.fetch(_SESSIONS_WITH_ROOM, organisation_id)
    return [(row["id"], row["room"]) for row in rows]


async def count_enrollments_of(connection: Connection, organisation_id: int, first: int, last: int) -> int:
    """Of the people with these ids, whatever became of the enrollments."""
    return int(await connection.fetchval(_ENROLLMENTS_OF, organisation_id, first, last))
