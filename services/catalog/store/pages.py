"""SQL of what clients read: pages and documents leave PostgreSQL as JSON text, in one round trip each.

Where a filter may leave many rows, their number comes from the totals that triggers keep: of courses by category and
delivery mode; of sessions by status and day, over all days for those who ask for none. The sessions of one course are
counted: they are few and adjacent in an index. What a search finds is counted too: there are no totals for parts of
texts. A page takes its ids out of an index first, and the rows of those alone are joined.

Days are the organisation's (shared/postgres/local_days.py). Totals are kept by days of UTC: the rows of the hours by
which the two differ are counted, at both ends of what is asked for.
"""

from collections.abc import Sequence
from functools import cache
from typing import get_args

from services.catalog.representations import course_row, session_row
from services.catalog.schemas import Category, CourseQuery, DeliveryMode, SessionQuery
from shared.http.conditional import Document
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres import audit_trail
from shared.postgres.batched_reads import DEEP, PageRead, Statement
from shared.postgres.lists import Shown, Window, list_of, list_of_found, page_of, union_over
from shared.postgres.local_days import (
    KEPT_ZONE,
    before_day,
    day_in,
    day_of,
    from_day,
    keep_days,
    kept_day,
    more_than_in_utc,
    zone_of,
)
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped
from shared.postgres.text_search import has_words, word_arguments, word_conditions

_COURSE_BEGINNING = """
    'id', c.id, 'title', c.title, 'category', c.category, 'delivery_mode', c.delivery_mode,
    'duration_hours', trim_scale(c.duration_hours), 'cost_per_participant', c.cost_per_participant,
    'provider', c.provider, 'provider_name', c.provider_name
"""
_COURSE_ITEM = f"""{_COURSE_BEGINNING},
    'pass_score', trim_scale(c.pass_score), 'total_sessions', c.total_sessions,
    'total_enrollments', c.total_enrollments, 'external_id', c.external_id,
    'created_at', training_timestamp(c.created_at)
"""

_COURSES = Shown(
    joins="JOIN courses c ON c.organisation_id = :organisation_id AND c.id = page.id",
    item=f"json_build_object({_COURSE_ITEM})",
)

_COURSE_FILTERS = {
    "category": "c.category = :category",
    "delivery_mode": "c.delivery_mode = :delivery_mode",
    **word_conditions("c.searched"),
}
_KINDS = {"category": get_args(Category), "delivery_mode": get_args(DeliveryMode)}
"""Both precede the id in an index."""


def course_page(organisation_id: int, query: CourseQuery) -> PageRead:
    """How many courses match, and the page of them as JSON text."""
    asked = {
        "category": query.category,
        "delivery_mode": query.delivery_mode,
        **word_arguments(query.search),
    }
    given = {name: value for name, value in asked.items() if value is not None}
    return PageRead(
        _course_statement(tuple(given), query.window),
        (organisation_id, *given.values(), *query.place),
        slow=has_words(tuple(given)) or query.window.is_since or query.offset > DEEP,
    )


@cache
def _course_statement(filters: tuple[str, ...], window: Window) -> Statement:
    conditions = ["c.organisation_id = :organisation_id", *(_COURSE_FILTERS[name] for name in filters)]
    conditions += window.changed("c")
    is_found = has_words(filters) or window.is_since
    listed = _found_courses(conditions, window) if is_found else _listed_courses(conditions, filters, window)
    return Statement(listed, {"organisation_id": "bigint", **dict.fromkeys(filters, "text"), **window.types})


def _listed_courses(conditions: Sequence[str], filters: Sequence[str], window: Window) -> str:
    ids = f"SELECT c.id FROM courses c WHERE {' AND '.join(conditions)}{window.start('c.id')}"  # noqa: S608 - constants
    if len(filters) == 1:
        [other] = _KINDS.keys() - set(filters)
        ids = union_over(ids, "id", f"c.{other}", _KINDS[other], window)
    cells = " AND ".join(["t.organisation_id = :organisation_id", *(f"t.{name} = :{name}" for name in filters)])
    total = f"SELECT coalesce(sum(t.total), 0)::bigint FROM courses_totals t WHERE {cells}"  # noqa: S608 - of constants
    page = page_of(ids, "id", MAX_PER_PAGE, window)
    return list_of(total=total, page=page, order="c.id", **_COURSES, window=window)


def _found_courses(conditions: Sequence[str], window: Window) -> str:
    """A search can use its index in a view alone (decision 10)."""
    found = f"SELECT c.id FROM courses_in_scope c WHERE {' AND '.join(conditions)}"  # noqa: S608 - made of constants
    return list_of_found(found, "c.id", MAX_PER_PAGE, **_COURSES, window=window)


def _per_cent(part: str, whole: str) -> str:
    """SQL of a share to one decimal, 100.0 or 0.0 only where it is exactly that; `NULL` of nothing."""
    share = f"round({part} * 100.0 / nullif({whole}, 0), 1)"
    return f"CASE WHEN {part} > 0 AND {part} < {whole} THEN least(greatest({share}, 0.1), 99.9) ELSE {share} END"


_TODAY = day_in(day_of("now()", "zone.name"), "zone.name")

# Sessions of today count whatever their hour; a course shows its next hundred.
_COURSE_DETAIL = scoped(
    f"""
SELECT c.version, json_build_object({_COURSE_BEGINNING},
    'description', c.description,
    'prerequisites', coalesce((
        SELECT json_agg(json_build_object('id', p.id, 'title', p.title) ORDER BY p.id) FROM courses p
        WHERE p.organisation_id = c.organisation_id AND p.id = ANY(c.prerequisites)), '[]'),
    'pass_score', trim_scale(c.pass_score), 'total_sessions', c.total_sessions,
    'total_enrollments', c.total_enrollments,
    'completion_rate', {_per_cent("c.total_completed", "c.total_enrollments")},
    'average_score', {_per_cent("c.score_sum", "(c.total_scored * 100)")},
    'upcoming_sessions', coalesce((
        SELECT json_agg(json_build_object(
            'id', s.id, 'start_date', {day_of("s.start_date", "zone.name")},
            'end_date', {day_of("s.end_date", "zone.name")}, 'location', s.location,
            'available_spots', greatest(s.max_participants - s.enrolled_count, 0),
            'max_participants', s.max_participants) ORDER BY s.start_date, s.id)
        FROM (
            SELECT * FROM sessions
            WHERE organisation_id = c.organisation_id AND course_id = c.id AND status = 'scheduled'
                AND {from_day("start_date", _TODAY, "zone.name")}
            ORDER BY start_date, id LIMIT 100
        ) s), '[]'),
    'labels', c.labels, 'validity_months', c.validity_months,
    'renewal_window_days', c.renewal_window_days, 'external_id', c.external_id,
    'created_at', training_timestamp(c.created_at)
)::text AS document
FROM courses c CROSS JOIN LATERAL (SELECT {zone_of("c.organisation_id")} AS name OFFSET 0) zone
WHERE c.organisation_id = $1 AND c.id = $2
""",  # noqa: S608 - made of constants
    ("bigint", "bigint"),
)


async def course_detail(connection: Connection, organisation_id: int, course_id: int) -> Document | None:
    row = await connection.fetchrow(_COURSE_DETAIL, organisation_id, course_id)
    key = course_row(organisation_id, course_id)
    return None if row is None else Document(key, row["version"], row["document"])


COURSE_TRAIL = audit_trail.Trail(
    audit_trail.entries_of("course"),
    f"""EXISTS (SELECT FROM courses WHERE organisation_id = :organisation_id AND id = :id)
        OR EXISTS (SELECT FROM {audit_trail.entries_of("course")})""",  # noqa: S608 - made of constants
)
"""What was deleted keeps its trail; what was there before trails were kept has an empty one."""

_SESSION_ITEM = """
    'id', s.id, 'course', json_build_object('id', c.id, 'title', c.title), 'session_name', s.session_name,
    'start_date', training_timestamp(s.start_date), 'end_date', training_timestamp(s.end_date),
    'location', s.location, 'facilitator', s.facilitator, 'max_participants', s.max_participants,
    'enrolled_count', s.enrolled_count, 'available_spots', greatest(s.max_participants - s.enrolled_count, 0),
    'status', s.status, 'external_id', s.external_id
"""

_DAYS = {name: kept_day(name, f":{name}") for name in ("date_from", "date_to")}
_SESSION_FILTERS = {
    "course_id": ("s.course_id = :course_id", "bigint"),
    "status": ("s.status = :status", "text"),
    "date_from": (from_day("s.start_date", _DAYS["date_from"], KEPT_ZONE), "date"),
    "date_to": (before_day("s.start_date", _DAYS["date_to"], KEPT_ZONE), "date"),
}
"""By the field of the query: condition and type."""
_NEAR = 500
"""Sessions among which those of some days are looked for: in about a millisecond. For a longer step five times its
length."""
_LIMITS = {"date_from": ">=", "date_to": "<"}
_CELLS = {"status": "t.status = :status", "date_from": "t.day >= :date_from", "date_to": "t.day < :date_to"}


def session_page(organisation_id: int, query: SessionQuery) -> PageRead:
    """How many sessions match, and the page of them as JSON text."""
    asked = {name: value for name in _SESSION_FILTERS if (value := getattr(query, name)) is not None}
    arguments = (organisation_id, *asked.values(), *query.place)
    of_days = query.is_step and not _LIMITS.keys().isdisjoint(asked)
    is_slow = of_days or query.window.is_since or query.offset > DEEP
    return PageRead(_session_statement(tuple(asked), query.window), arguments, slow=is_slow)


@cache
def _session_statement(filters: tuple[str, ...], window: Window) -> Statement:
    conditions = ["s.organisation_id = :organisation_id", *(_SESSION_FILTERS[name][0] for name in filters)]
    matching = f"FROM sessions s WHERE {' AND '.join([*conditions, *window.changed('s')])}"
    is_counted = "course_id" in filters or window.is_since
    text = list_of(
        total=f"SELECT count(*) {matching}" if is_counted else _total_of_sessions(filters),
        page=_step_of_sessions(matching, filters, window) if window.is_step else _page_of_sessions(matching),
        joins="""
        JOIN sessions s ON s.organisation_id = :organisation_id AND s.id = page.id
        JOIN courses c ON c.organisation_id = s.organisation_id AND c.id = s.course_id
        """,
        item=f"json_build_object({_SESSION_ITEM})",
        order="s.id" if window.is_step else "s.start_date, s.id",
        window=window,
    )
    dates = {name: f":{name}" for name in filters if name in _LIMITS}
    types = {"organisation_id": "bigint", **{name: _SESSION_FILTERS[name][1] for name in filters}}
    return Statement(f"{keep_days(dates)} {text}" if dates else text, types | window.types)


def _page_of_sessions(matching: str) -> str:
    return page_of(f"SELECT s.id, s.start_date {matching}", "start_date, id", MAX_PER_PAGE)


def _step_of_sessions(matching: str, filters: Sequence[str], window: Window) -> str:
    """A session can be moved to another time, so no walk goes by the time."""
    ids = f"SELECT s.id {matching}{window.start('s.id')}"
    if not (window.is_since or _LIMITS.keys().isdisjoint(filters)):
        ids = _ids_of_days(ids, filters, window)
    return page_of(ids, "id", MAX_PER_PAGE, window)


def _ids_of_days(ids: str, filters: Sequence[str], window: Window) -> str:
    """Ids and times grow alike, so sessions of some days lie close together: they are looked for among the next ones.

    Where these are too few, all of the days are found by their index and sorted.
    """
    others = [_SESSION_FILTERS[name][0] for name in filters if name not in _LIMITS]
    days = [_SESSION_FILTERS[name][0] for name in filters if name in _LIMITS]
    near = max(_NEAR, 5 * window.longest)
    following = " AND ".join(["s.organisation_id = :organisation_id", *others]) + window.start("s.id")
    return f"""
        WITH near AS MATERIALIZED (
            SELECT s.id FROM (
                SELECT s.id, s.start_date FROM sessions s WHERE {following} ORDER BY s.id LIMIT {near}
            ) s WHERE {" AND ".join(days)} ORDER BY s.id {window.reach()}
        )
        SELECT id FROM near WHERE (SELECT count(*) FROM near) > :per_page
        UNION ALL
        SELECT id FROM ({ids} OFFSET 0) AS of_days WHERE (SELECT count(*) FROM near) <= :per_page
    """  # noqa: S608 - made of constants


def _total_of_sessions(filters: Sequence[str]) -> str:
    limits = {_LIMITS[name]: _DAYS[name] for name in filters if name in _LIMITS}
    cells = " AND ".join([f"t.day {'>' if limits else '='} '-infinity'", *(_CELLS[name] for name in filters)])
    total = f"""
        SELECT coalesce(sum(t.total), 0)::bigint FROM sessions_totals t
        WHERE t.organisation_id = :organisation_id AND {cells}
    """  # noqa: S608 - made of constants
    if not limits:
        return total
    others = [_SESSION_FILTERS[name][0] for name in filters if name not in _LIMITS]
    rows = f"FROM sessions s WHERE {' AND '.join(['s.organisation_id = :organisation_id', *others])}"
    return f"({total}) + ({more_than_in_utc(rows, 's.start_date', limits, KEPT_ZONE)})"


_SESSION_MORE = f"""
    {_SESSION_ITEM}, 'projects', s.projects, 'enrollment_opens_at', training_timestamp(s.enrollment_opens_at),
    'enrollment_closes_at', training_timestamp(s.enrollment_closes_at)
"""
_MEETINGS = """
    'meetings', (
        SELECT json_agg(json_build_object('id', m.id, 'start_date', training_timestamp(m.start_date),
            'end_date', training_timestamp(m.end_date), 'location', m.location) ORDER BY m.start_date)
        FROM jsonb_to_recordset(s.meetings)
            AS m (id bigint, start_date timestamptz, end_date timestamptz, location text))
"""

_SESSION_DETAIL = scoped(
    f"""
SELECT s.version, (CASE WHEN s.meetings = '[]' THEN json_build_object({_SESSION_MORE})
    ELSE json_build_object({_SESSION_MORE}, {_MEETINGS}) END)::text AS document
FROM sessions s JOIN courses c ON c.organisation_id = s.organisation_id AND c.id = s.course_id
WHERE s.organisation_id = $1 AND s.id = $2
""",  # noqa: S608 - made of constants
    ("bigint", "bigint"),
)


async def session_detail(connection: Connection, organisation_id: int, session_id: int) -> Document | None:
    row = await connection.fetchrow(_SESSION_DETAIL, organisation_id, session_id)
    key = session_row(organisation_id, session_id)
    return None if row is None else Document(key, row["version"], row["document"])


SESSION_TRAIL = audit_trail.Trail(
    audit_trail.entries_of("session"),
    f"""EXISTS (SELECT FROM sessions WHERE organisation_id = :organisation_id AND id = :id)
        OR EXISTS (SELECT FROM {audit_trail.entries_of("session")})""",  # noqa: S608 - made of constants
)
