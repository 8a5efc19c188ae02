"""SQL of what the operator reads of organisations: JSON text, in one round trip each."""

from functools import cache

from services.accounts.schemas_organisations import OrganisationQuery
from shared.http.conditional import Document, RowKey
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres import audit_trail
from shared.postgres.batched_reads import Row
from shared.postgres.lists import Window, list_of, step_of
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped

_ORGANISATION = """
    json_build_object('id', o.organisation_id, 'name', o.name, 'status', o.status,
        'suspended_at', training_timestamp(o.suspended_at), 'created_at', training_timestamp(o.created_at))
"""

_DETAIL = scoped(
    f"""
SELECT o.version, {_ORGANISATION}::text AS document FROM organisations o WHERE o.organisation_id = $1
""",  # noqa: S608 - made of constants
    ("bigint",),
)

# No index helps: an installation has thousands of them at most, and one operator.
_FOUND = """
WITH matched AS MATERIALIZED (
    SELECT o.organisation_id FROM organisations o
    WHERE ($3::text IS NULL OR o.status = $3)
        AND NOT EXISTS (SELECT FROM unnest($4::text[]) AS word WHERE o.searched NOT LIKE containing(word))
        AND ($5::timestamptz IS NULL OR o.updated_at >= $5)
)
"""
_OF_PAGE = "(SELECT organisation_id FROM matched ORDER BY organisation_id LIMIT $1 OFFSET $2)"

TRAIL = audit_trail.Trail(
    audit_trail.entries_of("organisation"),
    "EXISTS (SELECT FROM organisations WHERE organisation_id = :organisation_id)",
)


def organisation_row(organisation_id: int) -> RowKey:
    return RowKey("organisation", organisation_id, organisation_id)


async def organisation_page(connection: Connection, query: OrganisationQuery) -> Row:
    """How many organisations match, and the page of them as JSON text; the transaction has to see all of them."""
    words = (query.search or "").split()
    per_page, rows_before, *since = query.place
    filters = query.status, words, since[0] if since else None
    [row] = await connection.fetch(_sql(query.window), per_page, rows_before, *filters)
    return tuple(row)


@cache
def _sql(window: Window) -> str:
    page, start = _OF_PAGE, window.start("organisation_id", after="$2")
    if window.is_step:
        rest = f"SELECT organisation_id FROM matched WHERE true{start} ORDER BY organisation_id {window.reach('$1')}"  # noqa: S608
        page = step_of(rest, "organisation_id", MAX_PER_PAGE, window)
    listed = list_of(
        total="SELECT count(*) FROM matched",
        page=page,
        joins="JOIN organisations o USING (organisation_id)",
        item=_ORGANISATION,
        order="o.organisation_id",
        window=window,
        key="organisation_id",
        per_page="$1",
    )
    return f"{_FOUND} {listed}"


async def organisation_detail(connection: Connection, organisation_id: int) -> Document | None:
    row = await connection.fetchrow(_DETAIL, organisation_id)
    return None if row is None else Document(organisation_row(organisation_id), row["version"], row["document"])
