"""SQL of compliance: who holds a completion that counts, who will lose it and who lacks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.enrollment.schemas import ComplianceQuery
from shared.auth.sight import EVERYBODY, Sight
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres.batched_reads import Row
from shared.postgres.lists import Window, list_of, step_of
from shared.postgres.pool import Connection, where

_ITEM = """json_build_object(
    'employee', json_build_object('id', p.id, 'type', p.type, 'employee_id', p.employee_id, 'full_name', p.full_name,
        'company', CASE WHEN p.company_id IS NOT NULL THEN
            json_build_object('id', p.company_id, 'name', p.company_name) END),
    'status', CASE WHEN held.valid_until > now() + {ahead} THEN 'valid'
        WHEN held.valid_until > now() THEN 'expiring' ELSE 'missing' END,
    'course_id', held.course_id, 'enrollment_id', CASE WHEN elsewhere.id IS NULL THEN held.enrollment_id END,
    'record_id', elsewhere.id,
    'completed_at', training_timestamp(held.completed_at),
    'valid_until', training_timestamp(nullif(held.valid_until, 'infinity')))"""
_JOINS = """
JOIN people p ON p.organisation_id = $1 AND p.id = page.id
LEFT JOIN LATERAL (
    SELECT course_id, enrollment_id, completed_at, coalesce(valid_until, 'infinity') AS valid_until
    FROM certifications c
    WHERE c.organisation_id = $1 AND c.course_id = ANY($2::bigint[]) AND c.employee_id = p.id
    ORDER BY c.valid_until DESC NULLS FIRST LIMIT 1
) held ON true
LEFT JOIN external_records elsewhere ON elsewhere.organisation_id = $1 AND elsewhere.id = held.enrollment_id
"""

# Either the people are walked in the order of their ids until the page is full, which is slow where few are sought, or
# those are sorted who hold a completion that is sought, which is slow where they are many. The few who lack one are
# those whom all holders leave over, found in a quarter of the time that it takes to look up each of the people.
_PEOPLE_IDS = "SELECT p.id FROM people p WHERE p.organisation_id = $1 AND NOT p.removed AND {people} AND {status}"
_HOLDERS_IDS = """
SELECT DISTINCT c.employee_id AS id FROM certifications c {join}
WHERE c.organisation_id = $1 AND c.course_id = ANY($2::bigint[]) AND {status} AND {people}
"""
_LACKING_IDS = """
WITH holders AS MATERIALIZED (
    SELECT employee_id FROM certifications
    WHERE organisation_id = $1 AND course_id = ANY($2::bigint[]) AND (valid_until IS NULL OR valid_until > now())
)
SELECT p.id FROM people p
WHERE p.organisation_id = $1 AND NOT p.removed AND NOT EXISTS (SELECT FROM holders WHERE holders.employee_id = p.id)
"""
_ARE_FEW = """
SELECT count(*) <= $4 FROM (
    SELECT FROM certifications c WHERE c.organisation_id = $1 AND c.course_id = ANY($2::bigint[]) AND {sought}
    LIMIT $4 + 1
) sought
"""
_ARE_NEAR = """
SELECT count(*) > $3 FROM (
    SELECT FROM (
        SELECT p.id FROM people p WHERE p.organisation_id = $1 AND NOT p.removed AND p.id > $4 ORDER BY p.id LIMIT {few}
    ) p
    WHERE {lacking} LIMIT $3 + 1
) near
"""
FEW = 10_000
"""Completions that are looked through in a few milliseconds; people, among whom a page's are far between."""

# Only people who belong to the organisation have certifications, so without a filter nobody is looked up. How many
# there are, also of one company, is a total that is kept; who has to do with a project is counted.
_PEOPLE = "(SELECT count(*) FROM people p WHERE p.organisation_id = $1 AND NOT p.removed AND {people})"
_ALL_PEOPLE = """(
    SELECT coalesce(sum(total), 0)::bigint FROM people_totals
    WHERE organisation_id = $1 AND company_id = {company}
)"""
_HOLDERS = """(
    SELECT count({counted}) FROM certifications c {join}
    WHERE c.organisation_id = $1 AND c.course_id = ANY($2::bigint[])
        AND (c.valid_until IS NULL OR c.valid_until > now() + {ahead}) AND {people}
)"""
_JOIN_PEOPLE = "JOIN people p ON p.organisation_id = c.organisation_id AND p.id = c.employee_id"
_AHEAD = "make_interval(days => $3)"
_NOW = "interval '0'"

_HOLDS = """EXISTS (
    SELECT FROM certifications held WHERE held.organisation_id = $1 AND held.course_id = ANY($2::bigint[])
        AND held.employee_id = {person} AND (held.valid_until IS NULL OR held.valid_until > now() + {ahead}))"""
_HOLDS_NOW = _HOLDS.format(person="p.id", ahead=_NOW)
_HOLDS_LONG = _HOLDS.format(person="p.id", ahead=_AHEAD)
_STATUS = {
    None: "true",
    "valid": _HOLDS_LONG,
    "expiring": f"{_HOLDS_NOW} AND NOT {_HOLDS_LONG}",
    "missing": f"NOT {_HOLDS_NOW}",
}
_SOUGHT = {
    "valid": (f"(c.valid_until IS NULL OR c.valid_until > now() + {_AHEAD})", "true"),
    "expiring": (
        f"c.valid_until > now() AND c.valid_until <= now() + {_AHEAD}",
        "NOT " + _HOLDS.format(person="c.employee_id", ahead=_AHEAD),
    ),
}
"""Completions whose holders are sought, and which of these are."""

_OF_COMPANIES = "p.company_id = ANY ({}::bigint[])"
_OF_PROJECT = """EXISTS (
    SELECT FROM enrollments e JOIN sessions s ON s.organisation_id = e.organisation_id AND s.id = e.session_id
    WHERE e.organisation_id = p.organisation_id AND e.employee_id = p.id AND e.status <> 'cancelled'
        AND {} = ANY(s.project_ids))"""
# By what is stored of them and of their completions of the courses, or by time alone.
_CHANGED_SINCE = f"""(
    p.updated_at >= {{0}}
    OR EXISTS (
        SELECT FROM enrollments e WHERE e.organisation_id = $1 AND e.employee_id = p.id
            AND e.course_id = ANY($2::bigint[]) AND e.updated_at >= {{0}})
    OR EXISTS (
        SELECT FROM external_records r WHERE r.organisation_id = $1 AND r.employee_id = p.id
            AND r.course_id = ANY($2::bigint[]) AND r.updated_at >= {{0}})
    OR EXISTS (
        SELECT FROM certifications c WHERE c.organisation_id = $1 AND c.employee_id = p.id
            AND c.course_id = ANY($2::bigint[])
            AND (c.valid_until > {{0}} AND c.valid_until <= now()
                OR c.valid_until > {{0}} + {_AHEAD} AND c.valid_until <= now() + {_AHEAD})))"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True)
class _People:
    """Those asked about: a condition on the row `p`, whose arguments begin with $6.

    `are_counted`: no total is kept of them.
    """

    condition: str
    arguments: Sequence[Any]
    of_companies: bool
    are_counted: bool

    @property
    def are_all(self) -> bool:
        return not (self.of_companies or self.are_counted)


async def courses_asked_for(connection: Connection, organisation_id: int, query: ComplianceQuery) -> list[int]:
    """The course asked for, if there is one, or all that carry the label."""
    subject, arguments = where({"id = {}": query.course_id, "label_ids @> ARRAY[{}::bigint]": query.label_id}, first=2)
    # The index of labels can be used in a view alone (decision 10).
    rows = await connection.fetch(
        f"SELECT id FROM courses_in_scope WHERE organisation_id = $1 AND NOT removed AND {subject}",  # noqa: S608 - of constants
        organisation_id,
        *arguments,
    )
    return [row["id"] for row in rows]


async def compliance_page(
    connection: Connection,
    organisation_id: int,
    course_ids: Sequence[int],
    query: ComplianceQuery,
    sight: Sight = EVERYBODY,
) -> Row:
    """How many people match, and the page of them as JSON text; of the companies in sight alone."""
    people = _people(query, sight)
    subject = organisation_id, course_ids, query.within_days
    ids = await _ids(connection, subject, query, people)
    statement = list_of(
        total=_total(query, people, len(course_ids)),
        page=_page(ids, query.window),
        joins=_JOINS,
        item=_ITEM.replace("{ahead}", _AHEAD),
        order="p.id",
        window=query.window,
        per_page="$4",
    )
    [row] = await connection.fetch(statement, *subject, *query.place[:2], *people.arguments)
    return tuple(row)


def _page(ids: str, window: Window) -> str:
    if window.is_step:
        return step_of(f"{ids} ORDER BY id {window.reach('$4')}", "id", MAX_PER_PAGE, window)
    return f"({ids} ORDER BY id LIMIT $4 OFFSET $5)"


def _people(query: ComplianceQuery, sight: Sight) -> _People:
    companies = None if query.company_id is None else [query.company_id]
    if not sight.everybody:
        companies = [each for each in sight.companies if query.company_id in (None, each)]
    since = query.place[2] if query.window.is_since else None
    asked = {_OF_COMPANIES: companies, _OF_PROJECT: query.project_id, _CHANGED_SINCE: since}
    condition, arguments = where(asked, first=6)
    return _People(condition, arguments, companies is not None, not (query.project_id is None and since is None))


async def _ids(connection: Connection, subject: Sequence[Any], query: ComplianceQuery, people: _People) -> str:
    """The SELECT of those whom the page is taken out of."""
    start = query.window.start("p.id", after="$5")
    if query.status in _SOUGHT and await _are_few_sought(connection, subject, query.status):
        join = "" if people.are_all else _JOIN_PEOPLE
        holders = _HOLDERS_IDS.format(join=join, people=people.condition, status=" AND ".join(_SOUGHT[query.status]))
        return holders + query.window.start("c.employee_id", after="$5")
    # A company or a project is walked, however few of it lack one.
    if query.status == "missing" and people.are_all and await _do_few_lack(connection, subject, query, people):
        return _LACKING_IDS + start
    return _PEOPLE_IDS.format(people=people.condition, status=_STATUS[query.status]) + start


async def _are_few_sought(connection: Connection, subject: Sequence[Any], status: str) -> bool:
    return bool(await connection.fetchval(_ARE_FEW.format(sought=_SOUGHT[status][0]), *subject, FEW))


async def _do_few_lack(connection: Connection, subject: Sequence[Any], query: ComplianceQuery, people: _People) -> bool:
    organisation_id, course_ids, _ = subject
    if query.is_step:  # which counts nothing: the next people are looked at
        are_near = _ARE_NEAR.format(few=FEW, lacking=_STATUS["missing"])
        return not await connection.fetchval(are_near, organisation_id, course_ids, *query.place)
    are_few = f"SELECT {_total(query, people, len(course_ids))} <= $3"
    return bool(await connection.fetchval(are_few, organisation_id, course_ids, FEW))


def _total(query: ComplianceQuery, people: _People, courses: int) -> str:
    """Who holds a completion is counted on the index of their ends, and everybody else by what is left."""
    holders = _HOLDERS.replace("{counted}", "*" if courses == 1 else "DISTINCT c.employee_id")
    holders = holders.replace("{join}", "" if people.are_all else _JOIN_PEOPLE).replace("{people}", people.condition)
    now, ahead = holders.replace("{ahead}", _NOW), holders.replace("{ahead}", _AHEAD)
    company = "ANY ($6::bigint[])" if people.of_companies else "0"
    everybody = _ALL_PEOPLE.replace("{company}", company)
    if people.are_counted:
        everybody = _PEOPLE.replace("{people}", people.condition)
    totals = {None: everybody, "valid": ahead, "expiring": f"{now} - {ahead}", "missing": f"{everybody} - {now}"}
    return totals[query.status]
