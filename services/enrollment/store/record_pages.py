"""SQL of what clients read of training that was done elsewhere (store/pages.py says how)."""

from functools import cache

from services.enrollment.representations_records import record_row
from services.enrollment.schemas_records import RecordQuery
from services.enrollment.store.sights import SIGHT_TYPES, in_sight, sight_arguments
from shared.auth.sight import EVERYBODY, Sight
from shared.http.conditional import Document
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres import audit_trail
from shared.postgres.batched_reads import DEEP, PageRead, Statement
from shared.postgres.lists import Window, list_of_found
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped

KIND = "record"
"""In the audit trail."""

TRAIL = audit_trail.Trail(
    audit_trail.entries_of(KIND),
    "EXISTS (SELECT FROM external_records WHERE organisation_id = :organisation_id AND id = :id)",
)

# A closed record shows what its training was called when it closed, and an open one what it is called now.
ITEM = """json_build_object(
    'id', r.id, 'source', r.source, 'key', r.key,
    'employee', json_build_object('id', p.id, 'employee_id', p.employee_id, 'full_name', p.full_name),
    'course', CASE WHEN r.course_id IS NOT NULL THEN json_build_object('id', r.course_id, 'title', {title}) END,
    'training_name', {title}, 'provider', r.provider, 'status', r.status,
    'completed_at', training_timestamp(r.completed_at), 'valid_until', training_timestamp(r.valid_until),
    'score', trim_scale(r.score), 'passed', r.passed, 'certificate_url', r.certificate_url, 'evidence', r.evidence,
    'submitted_at', training_timestamp(r.submitted_at),
    'submitted_by', json_build_object('subject', r.submitted_by_subject, 'name', r.submitted_by_name),
    'decided_at', training_timestamp(r.decided_at),
    'decided_by', CASE WHEN r.decided_by_subject IS NOT NULL THEN
        json_build_object('subject', r.decided_by_subject, 'name', r.decided_by_name) END,
    'reason', r.reason)""".replace(
    "{title}", "coalesce(r.remembered ->> 'training_name', r.training_name, c.title, '')"
)
JOINS = """
    JOIN people p ON p.organisation_id = r.organisation_id AND p.id = r.employee_id
    LEFT JOIN courses c ON c.organisation_id = r.organisation_id AND c.id = r.course_id
"""
_LISTED_JOINS = f"JOIN external_records r ON r.organisation_id = :organisation_id AND r.id = page.id {JOINS}"

_FILTERS = {
    "status": ("r.status = :status", "text"),
    "employee_id": ("r.employee_id = :employee_id", "bigint"),
    "course_id": ("r.course_id = :course_id", "bigint"),
}
"""By the field of the query: condition and type."""

_RECORD = f"""
SELECT r.version, {ITEM}::text AS document FROM external_records r {JOINS}
WHERE r.organisation_id = $1 AND r.id = $2
"""  # noqa: S608 - made of constants
_DETAIL = scoped(_RECORD, ("bigint", "bigint"))
_DETAIL_IN_SIGHT = scoped(f"{_RECORD} AND {in_sight('$3', '$4')}", ("bigint", "bigint", *SIGHT_TYPES.values()))


def record_page(organisation_id: int, query: RecordQuery, sight: Sight = EVERYBODY) -> PageRead:
    """How many records in sight match, and the page of them as JSON text."""
    given = {name: value for name in _FILTERS if (value := getattr(query, name)) is not None}
    of_sight = () if sight.everybody else sight_arguments(sight)
    statement = _statement(tuple(given), query.window, everybody=sight.everybody)
    arguments = (organisation_id, *of_sight, *given.values(), *query.place)
    return PageRead(statement, arguments, slow=query.offset > DEEP)


@cache
def _statement(filters: tuple[str, ...], window: Window, *, everybody: bool) -> Statement:
    conditions = ["r.organisation_id = :organisation_id", *(_FILTERS[name][0] for name in filters)]
    if not everybody:
        people = f"people p WHERE p.organisation_id = r.organisation_id AND p.id = r.employee_id AND {in_sight()}"
        conditions.append(f"EXISTS (SELECT FROM {people})")
    where = " AND ".join(conditions) + window.changed_at("r.updated_at")
    found = f"SELECT r.id FROM external_records r WHERE {where}"  # noqa: S608 - made of constants
    text = list_of_found(found, "r.id", MAX_PER_PAGE, joins=_LISTED_JOINS, item=ITEM, window=window, newest_first=True)
    types = {"organisation_id": "bigint", **({} if everybody else SIGHT_TYPES)}
    return Statement(text, {**types, **{name: _FILTERS[name][1] for name in filters}, **window.types})


async def record_detail(
    connection: Connection, organisation_id: int, record_id: int, sight: Sight = EVERYBODY
) -> Document | None:
    """None also for one that is not in sight."""
    if sight.everybody:
        row = await connection.fetchrow(_DETAIL, organisation_id, record_id)
    else:
        row = await connection.fetchrow(_DETAIL_IN_SIGHT, organisation_id, record_id, *sight_arguments(sight))
    key = record_row(organisation_id, record_id)
    return None if row is None else Document(key, row["version"], row["document"])
