"""SQL of the roster: pages of people, each with the courses of which they hold a valid completion."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from services.enrollment.store.clearance import HOLDS, PERSON, Holder, holder
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres.batched_reads import Statement
from shared.postgres.lists import Window, page_of, to_end_of_page
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped

_PEOPLE: Final = "SELECT p.id FROM people p WHERE p.organisation_id = :organisation_id AND NOT p.removed"
_OF_COMPANIES: Final = {"companies": "bigint[]"}

# By what is stored of them and of their completions of the courses, by what is asked of them all, or by time alone.
_CHANGED: Final = """ AND (
    :all_changed
    OR p.updated_at >= :updated_since
    OR EXISTS (
        SELECT FROM enrollments e WHERE e.organisation_id = :organisation_id AND e.employee_id = p.id
            AND e.course_id = ANY (:courses) AND e.updated_at >= :updated_since)
    OR EXISTS (
        SELECT FROM external_records r WHERE r.organisation_id = :organisation_id AND r.employee_id = p.id
            AND r.course_id = ANY (:courses) AND r.updated_at >= :updated_since)
    OR EXISTS (
        SELECT FROM certifications c WHERE c.organisation_id = :organisation_id AND c.employee_id = p.id
            AND c.course_id = ANY (:courses) AND c.valid_until > :updated_since AND c.valid_until <= now())
    OR EXISTS (
        SELECT FROM unnest(:grace_days) AS days
        WHERE p.created_at + make_interval(days => days) BETWEEN :updated_since - interval '1 day' AND now()))"""
_CHANGED_TYPES: Final = {"all_changed": "boolean", "courses": "bigint[]", "grace_days": "integer[]"}


@dataclass(frozen=True, slots=True)
class Changes:
    """What makes a row one that has changed since a moment, beside the person's own: `everybody`, or completions of
    these courses, or the end of so many days of grace."""

    everybody: bool
    courses: Sequence[int]
    grace_days: Sequence[int]


@dataclass(frozen=True, slots=True)
class Sought:
    """Of whom the roster is: of everybody, or of the people of some companies. `changes` are there where only rows are
    asked for that have changed since a moment, which is the last of `place`."""

    companies: Sequence[int] | None
    changes: Changes | None
    window: Window
    place: Sequence[Any]

    @property
    def arguments(self) -> list[Any]:
        companies = [] if self.companies is None else [self.companies]
        changes = self.changes
        changed = [] if changes is None else [changes.everybody, changes.courses, changes.grace_days]
        return [*companies, *changed, *self.place]


async def people_page(connection: Connection, organisation_id: int, sought: Sought, moment: datetime) -> list[Holder]:
    """The people of a page, or of a step and one more if another follows, with what is valid then."""
    statement = _page(sought.companies is not None, sought.window)
    rows = await connection.fetch(statement.alone_scoped, organisation_id, moment, *sought.arguments)
    return [holder(row) for row in rows]


async def people_total(connection: Connection, organisation_id: int, sought: Sought) -> int:
    """How many there are in all. Whose rows have changed has to be found out, and anybody else is counted already."""
    statement = _total(sought.companies is not None, sought.window)
    arguments = sought.arguments if sought.changes is not None else sought.arguments[: -len(sought.place)]
    total: int = await connection.fetchval(statement.alone_scoped, organisation_id, *arguments)
    return total


@cache
def _page(of_companies: bool, window: Window) -> Statement:
    people = f"{_PEOPLE}{_CHANGED if window.is_since else ''}"
    ids = f"{people}{window.start('p.id')}"
    if of_companies:
        of_one = f"{people} AND p.company_id = company.id{window.start('p.id')}"
        ids = f"""
            SELECT person.id FROM unnest(:companies) AS company (id)
            CROSS JOIN LATERAL {to_end_of_page(of_one, "id", window)} person
        """  # noqa: S608 - of constants
    text = f"""
        SELECT {PERSON}, held.courses FROM {page_of(ids, "id", MAX_PER_PAGE, window)} page
        JOIN people p ON p.organisation_id = :organisation_id AND p.id = page.id
        {HOLDS.format(organisation=":organisation_id", moment=":moment")}
        ORDER BY p.id
    """  # noqa: S608 - of constants
    types = {"organisation_id": "bigint", "moment": "timestamptz"}
    return Statement(text, types | _types(of_companies, window) | window.types)


@cache
def _total(of_companies: bool, window: Window) -> Statement:
    of_company = "company_id = ANY (:companies)" if of_companies else "company_id = 0"
    text = f"""
        SELECT coalesce(sum(t.total), 0)::bigint FROM people_totals t
        WHERE t.organisation_id = :organisation_id AND t.{of_company}
    """  # noqa: S608 - of constants
    types = {"organisation_id": "bigint", **_types(of_companies, window)}
    if not window.is_since:
        return Statement(text, types)
    of_company = "AND p.company_id = ANY (:companies)" if of_companies else ""
    return Statement(f"SELECT count(*) FROM ({_PEOPLE} {of_company}{_CHANGED}) changed", types | window.types)  # noqa: S608 - of constants


def _types(of_companies: bool, window: Window) -> dict[str, str]:
    return (_OF_COMPANIES if of_companies else {}) | (_CHANGED_TYPES if window.is_since else {})


_ASKED_ANEW = scoped(
    "SELECT EXISTS (SELECT FROM requirements WHERE organisation_id = $1 AND updated_at >= $2)",
    ("bigint", "timestamptz"),
)
_CARRIERS = scoped(
    "SELECT id FROM courses_in_scope WHERE organisation_id = $1 AND NOT removed AND label_ids && $2",
    ("bigint", "bigint[]"),
)


async def is_asked_anew(connection: Connection, organisation_id: int, since: datetime) -> bool:
    """Whether anything that is asked of people has changed."""
    return bool(await connection.fetchval(_ASKED_ANEW, organisation_id, since))


async def carriers(connection: Connection, organisation_id: int, labels: Iterable[int]) -> list[int]:
    """The courses that carry any of the labels."""
    return [row["id"] for row in await connection.fetch(_CARRIERS, organisation_id, list(labels))]
