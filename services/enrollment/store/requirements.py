"""SQL of what an organisation asks of its people. A removed requirement keeps its row, and is found by nobody."""

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from services.enrollment.clearance import Requirement
from services.enrollment.representations_requirements import requirement_row
from services.enrollment.schemas_requirements import AppliesTo, RequirementFields, RequirementQuery
from shared.http.conditional import Document
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres import audit_trail
from shared.postgres.batched_reads import DEEP, PageRead, Statement
from shared.postgres.lists import Window, list_of_found
from shared.postgres.local_days import zone_of
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped
from shared.postgres.text_search import has_words, word_arguments, word_conditions
from shared.validation.fields import STORED

# One after the other writes an organisation's requirements: none is counted by somebody who does not see the other's.
_LOCK_ALL = "SELECT pg_advisory_xact_lock(hashtextextended('requirements ' || $1::bigint, 0))"
_COUNT = "SELECT count(*) FROM requirements WHERE organisation_id = $1 AND NOT removed"
_FIND = "SELECT * FROM requirements WHERE organisation_id = $1 AND id = $2 AND NOT removed"
_LOCK = f"{_FIND} FOR NO KEY UPDATE"
_LOCK_NAMING = """
SELECT * FROM requirements WHERE organisation_id = $1 AND NOT removed AND $2::bigint = ANY(employee_ids)
ORDER BY id FOR NO KEY UPDATE
"""
_INSERT = """
INSERT INTO requirements (organisation_id, name, project_ids, company_ids, person_types, employee_ids, course_ids,
    label_ids, grace_days, valid_from, valid_to)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
RETURNING *
"""
_CHANGE = """
UPDATE requirements SET version = version + 1, name = $3, project_ids = $4, company_ids = $5, person_types = $6,
    employee_ids = $7, course_ids = $8, label_ids = $9, grace_days = $10, valid_from = $11, valid_to = $12
WHERE organisation_id = $1 AND id = $2
RETURNING *
"""
_REMOVE = """
UPDATE requirements SET version = version + 1, removed = true WHERE organisation_id = $1 AND id = $2 RETURNING *
"""

# The index of labels can be used in a view alone (decision 10).
_OF_LABELS = """ARRAY (
    SELECT c.id FROM courses_in_scope c WHERE c.organisation_id = $1 AND NOT c.removed AND c.label_ids && {labels})"""
_KNOWN = """
SELECT ARRAY (SELECT id FROM courses WHERE organisation_id = $1 AND id = ANY($2::bigint[]) AND NOT removed) AS courses,
    ARRAY (
        SELECT label FROM unnest($3::bigint[]) AS label WHERE EXISTS (
            SELECT FROM courses_in_scope
            WHERE organisation_id = $1 AND NOT removed AND label_ids @> ARRAY[label])) AS labels,
    ARRAY (SELECT id FROM people WHERE organisation_id = $1 AND id = ANY($4::bigint[]) AND NOT removed) AS people
"""

ALL = f"""
SELECT r.*, {_OF_LABELS.format(labels="r.label_ids")} AS labelled FROM requirements r
WHERE r.organisation_id = $1 AND NOT r.removed ORDER BY r.id
"""  # noqa: S608 - of constants alone
"""Every requirement of the organisation $1, for `requirement_of`."""
_LABELLED = f"""
SELECT {_OF_LABELS.format(labels="$2::bigint[]")} AS labelled, {zone_of("$1::bigint")} AS zone, now() AS now
"""

_ITEM = """json_build_object('id', r.id, 'name', r.name,
    'applies_to', CASE WHEN num_nonnulls(r.project_ids, r.company_ids, r.person_types, r.employee_ids) = 0
        THEN json_build_object('all', true)
        ELSE json_strip_nulls(json_build_object('project_ids', r.project_ids, 'company_ids', r.company_ids,
            'person_types', r.person_types, 'employee_ids', r.employee_ids)) END,
    'needs', CASE WHEN cardinality(r.course_ids) + cardinality(r.label_ids) = 1
        THEN json_strip_nulls(json_build_object('course_id', r.course_ids[1], 'label_id', r.label_ids[1]))
        ELSE json_build_object('any_of', (
            SELECT json_agg(json_build_object(kind, id) ORDER BY kind, id) FROM (
                SELECT 'course_id' AS kind, unnest(r.course_ids) AS id
                UNION ALL SELECT 'label_id', unnest(r.label_ids)) choices)) END,
    'grace_days', r.grace_days, 'from', r.valid_from, 'until', r.valid_to,
    'created_at', training_timestamp(r.created_at))"""

_DETAIL = scoped(
    f"""SELECT r.version, {_ITEM}::text AS document FROM requirements r
    WHERE r.organisation_id = $1 AND r.id = $2 AND NOT r.removed""",  # noqa: S608 - of constants
    ("bigint", "bigint"),
)
_WORDS = word_conditions("searchable(r.name)")

TRAIL = audit_trail.Trail(
    audit_trail.entries_of("requirement"),
    "EXISTS (SELECT FROM requirements WHERE organisation_id = :organisation_id AND id = :id)",
)


class RequirementRow(NamedTuple):
    """One that is stored, as it was written."""

    organisation_id: int
    id: int
    version: int
    fields: RequirementFields
    created_at: datetime
    removed: bool


class Known(NamedTuple):
    """Which of the ids that somebody wrote are those of the organisation's rows."""

    courses: frozenset[int]
    labels: frozenset[int]
    people: frozenset[int]


def page(organisation_id: int, query: RequirementQuery) -> PageRead:
    """How many requirements match, and the page of them as JSON text."""
    words = word_arguments(query.search)
    arguments = (organisation_id, *words.values(), *query.place)
    statement = _page_statement(tuple(words), query.window)
    return PageRead(statement, arguments, slow=has_words(tuple(words)) or query.offset > DEEP)


@cache
def _page_statement(words: tuple[str, ...], window: Window) -> Statement:
    conditions = ["r.organisation_id = :organisation_id", "NOT r.removed", *(_WORDS[name] for name in words)]
    found = f"SELECT r.id FROM requirements r WHERE {' AND '.join(conditions)}"  # noqa: S608 - of constants
    text = list_of_found(
        found + window.changed_at("r.updated_at"),
        "r.id",
        MAX_PER_PAGE,
        joins="JOIN requirements r ON r.organisation_id = :organisation_id AND r.id = page.id",
        item=_ITEM,
        window=window,
    )
    return Statement(text, {"organisation_id": "bigint", **dict.fromkeys(words, "text"), **window.types})


async def detail(connection: Connection, organisation_id: int, requirement_id: int) -> Document | None:
    row = await connection.fetchrow(_DETAIL, organisation_id, requirement_id)
    key = requirement_row(organisation_id, requirement_id)
    return None if row is None else Document(key, row["version"], row["document"])


async def count(connection: Connection, organisation_id: int) -> int:
    found: int = await connection.fetchval(_COUNT, organisation_id)
    return found


async def count_alone(connection: Connection, organisation_id: int) -> int:
    """How many there are; nobody else writes one until the transaction ends."""
    await connection.execute(_LOCK_ALL, organisation_id)
    return await count(connection, organisation_id)


async def known(
    connection: Connection, organisation_id: int, courses: Iterable[int], labels: Iterable[int], people: Iterable[int]
) -> Known:
    """Those of the ids that the organisation has."""
    [row] = await connection.fetch(_KNOWN, organisation_id, list(courses), list(labels), list(people))
    return Known(*map(frozenset, row))


async def find(connection: Connection, organisation_id: int, requirement_id: int) -> RequirementRow | None:
    row = await connection.fetchrow(_FIND, organisation_id, requirement_id)
    return None if row is None else _stored(row)


async def lock(connection: Connection, organisation_id: int, requirement_id: int) -> RequirementRow | None:
    """The requirement, which nobody else changes until the transaction ends."""
    row = await connection.fetchrow(_LOCK, organisation_id, requirement_id)
    return None if row is None else _stored(row)


async def lock_naming(connection: Connection, organisation_id: int, person_id: int) -> list[RequirementRow]:
    """Those that name the person, which nobody else changes until the transaction ends."""
    return [_stored(row) for row in await connection.fetch(_LOCK_NAMING, organisation_id, person_id)]


async def insert(connection: Connection, organisation_id: int, fields: RequirementFields) -> RequirementRow:
    return _stored(await connection.fetchrow(_INSERT, organisation_id, *_values(fields)))


async def change(connection: Connection, row: RequirementRow, fields: RequirementFields) -> RequirementRow:
    """The row afterwards, as that which follows returns it."""
    return _stored(await connection.fetchrow(_CHANGE, row.organisation_id, row.id, *_values(fields)))


async def remove(connection: Connection, row: RequirementRow) -> RequirementRow:
    return _stored(await connection.fetchrow(_REMOVE, row.organisation_id, row.id))


async def requirements(connection: Connection, organisation_id: int) -> list[Requirement]:
    """All that the organisation asks, in the order of their ids."""
    return [requirement_of(row) for row in await connection.fetch(ALL, organisation_id)]


def requirement_of(row: Any) -> Requirement:
    """The requirement of a row of `ALL`."""
    lists: Sequence[Any] = row["project_ids"], row["company_ids"], row["person_types"], row["employee_ids"]
    project_ids, company_ids, person_types, employee_ids = (None if each is None else frozenset(each) for each in lists)
    return Requirement(
        id=row["id"],
        version=row["version"],
        name=row["name"],
        project_ids=project_ids,
        company_ids=company_ids,
        person_types=person_types,
        employee_ids=employee_ids,
        courses=frozenset([*row["course_ids"], *row["labelled"]]),
        grace_days=row["grace_days"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        created_at=row["created_at"],
    )


class Wanted(NamedTuple):
    """A requirement as it would be, with the organisation's time zone, and the clock of the database."""

    requirement: Requirement
    zone: tzinfo
    now: datetime


async def wanted(
    connection: Connection, organisation_id: int, fields: RequirementFields, created_at: datetime | None = None
) -> Wanted:
    """Of a requirement that nobody has stored. `created_at` of a new one is now."""
    [found] = await connection.fetch(_LABELLED, organisation_id, fields.needs.label_ids)
    names = ("name", "project_ids", "company_ids", "person_types", "employee_ids", "course_ids", "label_ids")
    values = dict(zip((*names, "grace_days", "valid_from", "valid_to"), _values(fields), strict=True))
    row = {**values, "id": 0, "version": 0, "labelled": found["labelled"], "created_at": created_at or found["now"]}
    return Wanted(requirement_of(row), ZoneInfo(found["zone"]), found["now"])


def _values(fields: RequirementFields) -> tuple[Any, ...]:
    """In the order of the columns."""
    needs = fields.needs.course_ids, fields.needs.label_ids
    return fields.name, *fields.applies_to.limits, *needs, fields.grace_days, fields.valid_from, fields.valid_to


def _stored(row: Any) -> RequirementRow:
    fields = RequirementFields.model_validate(
        {
            "name": row["name"],
            "applies_to": _applies_to(row),
            "needs": _needs(row),
            "grace_days": row["grace_days"],
            "from": row["valid_from"],
            "until": row["valid_to"],
        },
        context=STORED,
    )
    return RequirementRow(row["organisation_id"], row["id"], row["version"], fields, row["created_at"], row["removed"])


def _applies_to(row: Any) -> dict[str, Any]:
    limits = {name: row[name] for name in AppliesTo.model_fields if name != "all" and row[name] is not None}
    return limits or {"all": True}


def _needs(row: Any) -> dict[str, Any]:
    choices = [{"course_id": each} for each in row["course_ids"]] + [{"label_id": each} for each in row["label_ids"]]
    return choices[0] if len(choices) == 1 else {"any_of": choices}
