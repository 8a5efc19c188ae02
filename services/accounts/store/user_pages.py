"""SQL of what clients read of users: pages and documents leave PostgreSQL as JSON text, in one round trip each."""

from functools import cache

from services.accounts.schemas_users import UserQuery
from shared.http.conditional import Document, RowKey
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres import audit_trail
from shared.postgres.batched_reads import DEEP, PageRead, Statement
from shared.postgres.lists import Window, list_of_found
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped
from shared.postgres.text_search import has_words, word_arguments, word_conditions

_USER = """
    'id', u.id, 'name', u.name, 'email', u.email, 'role', u.role, 'user_type', u.user_type,
    'employee_id', u.employee_id, 'company_ids', u.company_ids, 'status', u.status,
    'invitation_expires_at', (
        SELECT training_timestamp(i.expires_at) FROM invitations i
        WHERE i.organisation_id = u.organisation_id AND i.user_id = u.id
            AND i.used_at IS NULL AND i.replaced_at IS NULL),
    'created_at', training_timestamp(u.created_at)
"""

_FILTERS = {"role": "u.role = :role", "status": "u.status = :status", **word_conditions("u.searched")}

_DETAIL = scoped(
    f"""
SELECT u.version, json_build_object({_USER})::text AS document FROM users u
WHERE u.organisation_id = $1 AND u.id = $2
""",  # noqa: S608 - made of constants
    ("bigint", "bigint"),
)

TRAIL = audit_trail.Trail(
    audit_trail.entries_of("user"),
    f"""EXISTS (SELECT FROM users WHERE organisation_id = :organisation_id AND id = :id)
        OR EXISTS (SELECT FROM {audit_trail.entries_of("user")})""",  # noqa: S608 - made of constants
)
"""Those who were deleted keep theirs."""


def user_row(organisation_id: int, user_id: int) -> RowKey:
    return RowKey("user", organisation_id, user_id)


def user_page(organisation_id: int, query: UserQuery) -> PageRead:
    """How many users match, and the page of them as JSON text."""
    asked = {"role": query.role, "status": query.status, **word_arguments(query.search)}
    given = {name: value for name, value in asked.items() if value is not None}
    return PageRead(
        _statement(tuple(given), query.window),
        (organisation_id, *given.values(), *query.place),
        slow=has_words(tuple(given)) or query.window.is_since or query.offset > DEEP,
    )


@cache
def _statement(filters: tuple[str, ...], window: Window) -> Statement:
    conditions = ["u.organisation_id = :organisation_id", *(_FILTERS[name] for name in filters)]
    where = " AND ".join([*conditions, *window.changed("u")])
    # A search can use its index in a view alone (decision 10).
    table = "users_in_scope" if has_words(filters) else "users"
    text = list_of_found(
        f"SELECT u.id FROM {table} u WHERE {where}",  # noqa: S608 - of constants
        "u.id",
        MAX_PER_PAGE,
        joins="JOIN users u ON u.organisation_id = :organisation_id AND u.id = page.id",
        item=f"json_build_object({_USER})",
        window=window,
    )
    return Statement(text, {"organisation_id": "bigint", **dict.fromkeys(filters, "text"), **window.types})


async def user_detail(connection: Connection, organisation_id: int, user_id: int) -> Document | None:
    row = await connection.fetchrow(_DETAIL, organisation_id, user_id)
    return None if row is None else Document(user_row(organisation_id, user_id), row["version"], row["document"])
