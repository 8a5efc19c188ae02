"""SQL of what the operator reads of organisations: JSON text, in one round trip each."""

from services.accounts.schemas_organisations import OrganisationQuery
from shared.http.conditional import Document, RowKey
from shared.postgres import audit_trail
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
_PAGE = f"""
WITH matched AS MATERIALIZED (
    SELECT o.organisation_id FROM organisations o
    WHERE ($3::text IS NULL OR o.status = $3)
        AND NOT EXISTS (SELECT FROM unnest($4::text[]) AS word WHERE o.searched NOT LIKE containing(word))
)
SELECT (SELECT count(*) FROM matched) AS total, coalesce((
    SELECT json_agg({_ORGANISATION} ORDER BY o.organisation_id)
    FROM (SELECT organisation_id FROM matched ORDER BY organisation_id LIMIT $1 OFFSET $2) page
    JOIN organisations o USING (organisation_id)
), '[]')::text AS items
"""  # noqa: S608 - made of constants

TRAIL = audit_trail.page_sql(
    audit_trail.entries_of("organisation"), "EXISTS (SELECT FROM organisations WHERE organisation_id = $1)"
)


def organisation_row(organisation_id: int) -> RowKey:
    return RowKey("organisation", organisation_id, organisation_id)


async def organisation_page(connection: Connection, query: OrganisationQuery) -> tuple[int, str]:
    """How many organisations match, and the page of them as JSON text; the transaction has to see all of them."""
    words = (query.search or "").split()
    row = await connection.fetchrow(_PAGE, query.per_page, query.offset, query.status, words)
    return (0, "[]") if row is None else (row["total"], row["items"])


async def organisation_detail(connection: Connection, organisation_id: int) -> Document | None:
    row = await connection.fetchrow(_DETAIL, organisation_id)
    return None if row is None else Document(organisation_row(organisation_id), row["version"], row["document"])
