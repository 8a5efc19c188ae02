"""SQL of calendars' addresses. A revoked one keeps its row, and opens nothing."""

import json
from functools import cache

from services.enrollment.calendars import Calendar
from services.enrollment.representations_calendars import calendar_row
from services.enrollment.schemas_calendars import CalendarFields, CalendarQuery
from shared.auth.sight import Sight
from shared.http.conditional import Document
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres.audit import Actor
from shared.postgres.batched_reads import DEEP, PageRead, Statement
from shared.postgres.lists import Window, list_of, page_of
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped

# One after the other makes addresses in an organisation: none is counted by somebody who does not see the other's.
_LOCK_ALL = "SELECT pg_advisory_xact_lock(hashtextextended('calendars ' || $1::bigint, 0))"
_COUNT = """
SELECT count(*) FROM calendars
WHERE organisation_id = $1 AND kind = $2 AND (of_id = $3 OR of_name = $4) AND revoked_at IS NULL
"""
_INSERT = """
INSERT INTO calendars (organisation_id, kind, of_id, of_name, secret_sha256, created_by)
VALUES ($1, $2, $3, $4, decode($5, 'hex'), $6)
RETURNING id
"""
_IS_PRESENT = "SELECT EXISTS (SELECT FROM people WHERE organisation_id = $1 AND id = $2 AND NOT removed)"
_LOCK = """
SELECT version, revoked_at IS NOT NULL AS revoked FROM calendars c
WHERE organisation_id = $1 AND id = $2 AND {seen} FOR NO KEY UPDATE
"""
_REVOKE = """
UPDATE calendars SET version = version + 1, revoked_at = now(), revoked_by = $3
WHERE organisation_id = $1 AND id = $2
"""
_MOVE = """
UPDATE calendars SET version = version + 1, of_id = $3
WHERE organisation_id = $1 AND kind = 'person' AND of_id = $2 AND revoked_at IS NULL
"""

# Those of a person open nothing while the person is removed.
_OF_DIGEST = """
SELECT c.organisation_id, c.kind, c.of_id, c.of_name, i.name AS installation
FROM calendars c CROSS JOIN installation i
WHERE c.secret_sha256 = decode($1, 'hex') AND c.revoked_at IS NULL AND (c.kind <> 'person' OR EXISTS (
    SELECT FROM people p WHERE p.organisation_id = c.organisation_id AND p.id = c.of_id AND NOT p.removed))
"""

_NAME = """CASE c.kind
    WHEN 'location' THEN c.of_name
    WHEN 'person' THEN (SELECT p.full_name FROM people p WHERE p.organisation_id = c.organisation_id AND p.id = c.of_id)
    ELSE (SELECT s.facilitator_name FROM sessions s
        WHERE s.organisation_id = c.organisation_id AND s.facilitator_id = c.of_id ORDER BY s.end_date DESC LIMIT 1)
    END"""
ITEM = f"""json_build_object('id', c.id, 'kind', c.kind, 'of', json_build_object('id', c.of_id, 'name', {_NAME}),
    'status', CASE WHEN c.revoked_at IS NULL THEN 'active' ELSE 'revoked' END,
    'created_at', training_timestamp(c.created_at), 'created_by', c.created_by,
    'revoked_at', training_timestamp(c.revoked_at), 'revoked_by', c.revoked_by)"""

_SEEN = "({everybody} OR c.kind = 'person' AND c.of_id = {person})"
_DETAIL = scoped(
    f"SELECT c.version, {ITEM}::text AS document FROM calendars c"  # noqa: S608 - of constants
    f" WHERE c.organisation_id = $1 AND c.id = $2 AND {_SEEN.format(everybody='$3', person='$4')}",
    ("bigint", "bigint", "boolean", "bigint"),
)

_FILTERS = {
    "kind": ("c.kind = :kind", "text"),
    "of_id": ("c.of_id = :of_id", "bigint"),
    "status": ("CASE WHEN c.revoked_at IS NULL THEN 'active' ELSE 'revoked' END = :status", "text"),
}


def page(organisation_id: int, query: CalendarQuery, sight: Sight) -> PageRead:
    """How many addresses in sight match, and the page of them as JSON text."""
    given = {name: value for name in _FILTERS if (value := getattr(query, name)) is not None}
    of_sight = () if sight.everybody else (sight.person or 0,)
    return PageRead(
        _page_statement(tuple(given), query.window, everybody=sight.everybody),
        (organisation_id, *of_sight, *given.values(), *query.place),
        slow=query.offset > DEEP,
    )


@cache
def _page_statement(filters: tuple[str, ...], window: Window, *, everybody: bool) -> Statement:
    seen = [] if everybody else ["c.kind = 'person' AND c.of_id = :own_person"]
    where = " AND ".join(["c.organisation_id = :organisation_id", *seen, *(_FILTERS[name][0] for name in filters)])
    where += window.changed_at("c.updated_at")
    ids = f"SELECT c.id FROM calendars c WHERE {where}"  # noqa: S608 - of constants
    text = list_of(
        total=f"SELECT count(*) FROM ({ids}) AS matched",  # noqa: S608 - of constants
        page=page_of(ids + window.start("c.id"), "id", MAX_PER_PAGE, window),
        joins="JOIN calendars c ON c.organisation_id = :organisation_id AND c.id = page.id",
        item=ITEM,
        order="c.id",
        window=window,
    )
    types = {"organisation_id": "bigint"} | ({} if everybody else {"own_person": "bigint"})
    return Statement(text, {**types, **{name: _FILTERS[name][1] for name in filters}, **window.types})


async def detail(connection: Connection, organisation_id: int, row_id: int, sight: Sight) -> Document | None:
    row = await connection.fetchrow(_DETAIL, organisation_id, row_id, sight.everybody, sight.person or 0)
    return None if row is None else Document(calendar_row(organisation_id, row_id), row["version"], row["document"])


async def count_alone(connection: Connection, organisation_id: int, fields: CalendarFields) -> int:
    """How many active ones there are of the same; nobody else makes one until the transaction ends."""
    await connection.execute(_LOCK_ALL, organisation_id)
    count: int = await connection.fetchval(_COUNT, organisation_id, fields.kind, fields.id, fields.name)
    return count


async def is_present(connection: Connection, organisation_id: int, person_id: int | None) -> bool:
    found: bool = await connection.fetchval(_IS_PRESENT, organisation_id, person_id)
    return found


async def insert(
    connection: Connection, organisation_id: int, fields: CalendarFields, digest: str, actor: Actor
) -> int:
    """The id of the new one."""
    made: int = await connection.fetchval(
        _INSERT, organisation_id, fields.kind, fields.id, fields.name, digest, _by(actor)
    )
    return made


async def lock(connection: Connection, organisation_id: int, row_id: int, sight: Sight) -> tuple[int, bool] | None:
    """The version, and whether it is revoked; nobody else changes it until the transaction ends."""
    statement = _LOCK.format(seen=_SEEN.format(everybody="$3", person="$4"))
    row = await connection.fetchrow(statement, organisation_id, row_id, sight.everybody, sight.person or 0)
    return None if row is None else (row["version"], row["revoked"])


async def revoke(connection: Connection, organisation_id: int, row_id: int, actor: Actor) -> None:
    await connection.execute(_REVOKE, organisation_id, row_id, _by(actor))


async def move(connection: Connection, organisation_id: int, person_id: int, into: int) -> None:
    """Those of a person become those of the one whom they turned out to be."""
    await connection.execute(_MOVE, organisation_id, person_id, into)


async def of_digest(connection: Connection, digest: str) -> Calendar | None:
    """The active one whose secret has this SHA-256, of any organisation. The transaction has to see all of them."""
    row = await connection.fetchrow(_OF_DIGEST, digest)
    return None if row is None else Calendar(**dict(row))


def _by(actor: Actor) -> str:
    return json.dumps({"subject": actor.subject, "name": actor.name})
