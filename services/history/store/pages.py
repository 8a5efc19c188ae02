"""SQL of the histories: a page leaves PostgreSQL as JSON text, in one round trip."""

from datetime import datetime
from functools import cache
from typing import Any

from services.history.schemas import HistoryQuery
from services.history.store.known_then import MOMENT, TABLES, TYPES, Known
from shared.auth.sight import EVERYBODY, Sight
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres.batched_reads import PageRead, Statement, array_text
from shared.postgres.lists import Window, items_of, page_of
from shared.postgres.local_days import LISTED, day_of, zone_of
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped

# A closed record shows, and is found by, what was true when it closed; an open one what is true now. Training done
# elsewhere was in no session of a project, and nobody knows whether it was online. Nor has a past completion a session.
_NOW = {
    "title": "coalesce(r.training_name, c.title)",
    "online": "c.online AND NOT r.external",
    "label_ids": "coalesce(c.label_ids, '{}')",
    "label_names": "coalesce(c.label_names, '[]')",
    "session_name": "s.session_name",
    "location": "s.location",
    "project_ids": "coalesce(s.project_ids, '{}')",
    "project_names": "coalesce(s.project_names, '[]')",
    "meetings": "s.meetings",
    "company_id": "p.company_id",
    "company_name": "p.company_name",
}
_SHOWN = ", ".join(
    f"CASE WHEN r.remembered THEN r.remembered_{name} ELSE {now} END AS {name}" for name, now in _NOW.items()
)
# A record whose course or session has not arrived yet is not there yet; training done elsewhere has no session, and may
# have no course.
RECORDS = f"""
    FROM records r
    JOIN people p ON p.organisation_id = r.organisation_id AND p.id = r.employee_id
    LEFT JOIN courses c ON c.organisation_id = r.organisation_id AND c.id = r.course_id
    LEFT JOIN sessions s ON s.organisation_id = r.organisation_id AND s.id = r.session_id
    CROSS JOIN LATERAL (SELECT {_SHOWN}) AS shown
    WHERE r.organisation_id = :organisation_id
        AND (c.id IS NOT NULL OR r.course_id IS NULL) AND (s.id IS NOT NULL OR r.session_id IS NULL)
"""
"""The records of an organisation, with all that they show and are found by."""
TRAINING_MOMENT = "coalesce(r.completed_at, s.start_date)"
SHOWN = """r.id, r.session_id, r.status, r.passed, r.completed_at, r.valid_until, r.checked_in_at, r.check_in_method,
    r.attendance, r.external, r.provider, shown.*, p.id AS person_id, p.type, p.full_name"""
"""The columns of `RECORDS` that `RECORD` shows."""

# A person's records are few: they are matched first, then counted and cut to the page. `found` tells a person
# without matching records from one that this organisation does not have.
_PAGE = """
WITH {tables} matched AS (
    SELECT {shown}, {moment} AS training_date {records} AND r.employee_id = :person_id AND {conditions}{start}
)
SELECT
    {found} AS found,
    {total} AS total,
    {items}
"""
# Also of a history as of a moment: whether somebody may be asked for is decided by what is true now.
_FOUND = """EXISTS (
        SELECT FROM public.people
        WHERE organisation_id = :organisation_id AND id = :person_id AND type = :type AND NOT removed
            AND {in_sight}
    )"""
_LOOK = "SELECT {found} AS found, :as_of <= now() AS is_past"
_RECORD = """CASE WHEN external THEN json_build_object({record}, 'provider', provider, 'session', NULL)
    WHEN session_id IS NULL THEN json_build_object({record}, 'session', NULL)
    ELSE json_build_object({record},
        'session', CASE WHEN coalesce(meetings, '[]') = '[]' THEN json_build_object({session})
            ELSE json_build_object({session}, 'attendance', ({attendance})) END
    ) END"""
_MEMBERS = """
        'id', id, 'type', CASE WHEN online THEN 'online' ELSE 'offline' END,
        'training_name', title,
        'training_type', CASE WHEN external THEN 'external' WHEN online OR session_id IS NULL THEN 'course'
            ELSE 'session' END,
        'completed_at', CASE WHEN status NOT IN ('pending', 'rejected') THEN history_timestamp(completed_at) END,
        'status', CASE WHEN status = 'enrolled' THEN 'confirmed'
            WHEN status IN ('waitlisted', 'pending') THEN 'proposed'
            WHEN status IN ('cancelled', 'rejected') THEN 'cancelled' ELSE 'completed' END,
        'result', CASE WHEN status = 'absent' THEN 'absent' WHEN status = 'failed' THEN 'failed'
            WHEN status IN ('completed', 'accepted') THEN
                CASE WHEN passed THEN 'passed' WHEN session_id IS NULL AND NOT passed THEN 'failed'
                    ELSE 'attended' END END,
        'valid_until', history_timestamp(valid_until),
        'person', json_build_object('id', person_id, 'type', type, 'name', full_name, 'company', company_name),
        'projects', project_names, 'labels', label_names
"""
_OF_PAGE = "(SELECT * FROM matched ORDER BY training_date DESC, id LIMIT :per_page OFFSET :rows_before)"

_SESSION = """
    'id', session_id, 'name', session_name, 'venue', CASE WHEN NOT online THEN location END,
    'checked_in_at', history_timestamp(checked_in_at), 'check_in_method', check_in_method
"""

# Who closed a record before sessions had meetings remembers none.
_ATTENDANCE = """
    SELECT json_agg(json_build_object('meeting_id', m.id, 'start_date', history_timestamp(m.start_date),
        'end_date', history_timestamp(m.end_date), 'venue', CASE WHEN NOT online THEN m.location END,
        'checked_in_at', history_timestamp(a.checked_in_at), 'check_in_method', a.check_in_method)
        ORDER BY m.start_date)
    FROM jsonb_to_recordset(meetings) AS m (id bigint, start_date timestamptz, end_date timestamptz, location text)
    LEFT JOIN jsonb_to_recordset(attendance)
        AS a (meeting_id bigint, checked_in_at timestamptz, check_in_method text) ON a.meeting_id = m.id
"""

RECORD = _RECORD.format(record=_MEMBERS, session=_SESSION, attendance=_ATTENDANCE)
"""What is shown of a row with the columns `SHOWN`."""

STATUS = {
    "proposed": "r.status IN ('waitlisted', 'pending')",
    "confirmed": "r.status = 'enrolled'",
    "completed": "r.status IN ('completed', 'failed', 'absent', 'accepted')",
    "cancelled": "r.status IN ('cancelled', 'rejected')",
    "upcoming": "r.status IN ('enrolled', 'waitlisted') AND s.start_date > now()",
}
_UPCOMING_THEN = f"r.status IN ('enrolled', 'waitlisted') AND s.start_date > {MOMENT}"

_WHOM = {"person_id": "bigint", "type": "text"}
_MERGED_INTO = scoped(
    "SELECT merged_into FROM people WHERE organisation_id = $1 AND id = $2 AND removed", ("bigint", "bigint")
)

_TRAINING_DAY = day_of(TRAINING_MOMENT, zone_of(LISTED))
FILTERS = {
    "online": ("shown.online = :online", "boolean"),
    "project_id": (":project_id = ANY(shown.project_ids)", "bigint"),
    "label_id": (":label_id = ANY(shown.label_ids)", "bigint"),
    "company_id": ("shown.company_id = :company_id", "bigint"),
    "date_from": (f"{_TRAINING_DAY} >= :date_from", "date"),
    "date_to": (f"{_TRAINING_DAY} <= :date_to", "date"),
}
"""Condition and type."""


def history_page(
    organisation_id: int,
    person_id: int,
    person_type: str,
    query: HistoryQuery,
    company_id: int | None,
    sight: Sight = EVERYBODY,
    known: Known | None = None,
) -> PageRead:
    """Whether there is such a person in sight, how many records match, and the page of them as JSON text: of the
    copies, or of what was `known` at a moment."""
    given = filters_of(query, company_id)
    whom = _whom(person_id, person_type, sight)
    then = () if known is None else known.arguments
    arguments = (organisation_id, *whom, *then, *given.values(), *query.place)
    statement = _page_statement(
        tuple(given), query.status, query.window, of_companies=len(whom) > len(_WHOM), then=known is not None
    )
    return PageRead(statement, arguments, slow=known is not None)


def look(organisation_id: int, person_id: int, person_type: str, as_of: datetime, sight: Sight) -> PageRead:
    """Whether there is such a person in sight, and whether that moment has come, by the clock of the database."""
    whom = _whom(person_id, person_type, sight)
    statement = _look_statement(of_companies=len(whom) > len(_WHOM))
    return PageRead(statement, (organisation_id, *whom, as_of))


def _whom(person_id: int, person_type: str, sight: Sight) -> tuple[Any, ...]:
    """Whom `_FOUND` looks for, with the companies in doubt whether they are in sight."""
    in_doubt = not (sight.everybody or person_id == sight.person)
    return person_id, person_type, *([array_text(sight.companies)] if in_doubt else [])


def filters_of(query: HistoryQuery, company_id: int | None) -> dict[str, Any]:
    """The arguments of those of the `FILTERS` that are asked for."""
    asked = {
        "online": None if query.type == "all" else query.type == "online",
        "project_id": query.project_id,
        "label_id": query.label_id,
        "company_id": company_id,
        "date_from": query.date_from,
        "date_to": query.date_to,
    }
    return {name: value for name, value in asked.items() if value is not None}


async def merged_into(connection: Connection, organisation_id: int, person_id: int) -> int | None:
    """The person whom somebody who is not there any more turned out to be."""
    found: int | None = await connection.fetchval(_MERGED_INTO, organisation_id, person_id)
    return found


@cache
def _look_statement(*, of_companies: bool) -> Statement:
    types = _types_of_whom(of_companies) | {"as_of": "timestamptz"}
    return Statement(_LOOK.format(found=_found(of_companies)), types)


def _types_of_whom(of_companies: bool) -> dict[str, str]:
    return {"organisation_id": "bigint", **_WHOM} | ({"companies": "text"} if of_companies else {})


def _found(of_companies: bool) -> str:
    return _FOUND.format(in_sight="company_id = ANY (:companies::bigint[])" if of_companies else "true")


@cache
def _page_statement(
    filters: tuple[str, ...], status: str | None, window: Window, *, of_companies: bool, then: bool
) -> Statement:
    of_status = {**STATUS, "upcoming": _UPCOMING_THEN} if then else STATUS
    conditions = [FILTERS[name][0] for name in filters] + ([of_status[status]] if status else []) + window.changed("r")
    types = _types_of_whom(of_companies) | (dict(TYPES) if then else {})
    types |= {name: FILTERS[name][1] for name in filters}
    parts = {
        "tables": TABLES if then else "",
        "shown": SHOWN,
        "moment": TRAINING_MOMENT,
        "records": RECORDS,
        "start": "" if window.is_counted else window.start("r.id", newest_first=True),
        "total": "(SELECT count(*) FROM matched)" if window.is_counted else "NULL::bigint",
        "items": _items(window),
        "conditions": " AND ".join(conditions) or "true",
        "found": _found(of_companies),
    }
    return Statement(_PAGE.format(**parts), types | window.types)


def _items(window: Window) -> str:
    """A record's day changes when it is completed, so it is no walk that goes by it."""
    page, order = _OF_PAGE, "training_date DESC, id"
    if window.is_step:
        rest = f"SELECT * FROM matched WHERE true{window.start('id', newest_first=True)}"  # noqa: S608 - of constants
        page, order = page_of(rest, "id DESC", MAX_PER_PAGE, window), "id DESC"
    return items_of(page=page, joins="", item=RECORD, order=order, window=window)
