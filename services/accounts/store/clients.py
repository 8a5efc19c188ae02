"""SQL of programs and of their secrets' digests."""

from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from services.accounts.clients import Client
from services.accounts.representations_clients import client_row
from services.accounts.schemas_clients import ClientFields, ClientQuery
from shared.http.conditional import Document
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres import audit_trail
from shared.postgres.batched_reads import DEEP, PageRead, Statement
from shared.postgres.lists import Window, list_of, page_of
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped
from shared.validation.fields import STORED

_FIELDS = "name, permissions, rate_limit, company_ids, expires_at"

# Nobody is issued a token of a client while it changes, nor is it changed while one is issued: what is issued before
# the change is cut off by it, and what is issued after it knows of it. A lock on the row would be written to the disk.
_LOCK_TO_ISSUE = "SELECT pg_advisory_xact_lock_shared(hashtextextended('client ' || $1, 0))"
_LOCK_TO_CHANGE = """
SELECT pg_advisory_xact_lock(hashtextextended('client ' || client_id, 0)) FROM clients
WHERE organisation_id = $1 AND id = $2
"""
_WITH_ID = "SELECT *, clock_timestamp() AS now FROM clients WHERE organisation_id = $1 AND id = $2 FOR NO KEY UPDATE"
_WITH_CLIENT_ID = """
SELECT clients.*, clock_timestamp() AS now, suspended_at
FROM clients LEFT JOIN organisations USING (organisation_id) WHERE client_id = $1
"""
_ID_OF = "SELECT organisation_id, id FROM clients WHERE client_id = $1"

_INSERT = f"""
INSERT INTO clients (organisation_id, client_id, secret_digest, {_FIELDS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING id
"""  # noqa: S608 - of constants alone
_CHANGE = """
UPDATE clients SET version = version + 1, name = $3, permissions = $4, rate_limit = $5, company_ids = $6,
    expires_at = $7
WHERE organisation_id = $1 AND id = $2
"""
_ROTATE = """
UPDATE clients SET version = version + 1, secret_digest = $3, previous_digest = secret_digest, previous_until = $4
WHERE organisation_id = $1 AND id = $2
"""
_REVOKE = "UPDATE clients SET version = version + 1, revoked_at = $3 WHERE organisation_id = $1 AND id = $2"
_CUT_OFF = "UPDATE clients SET cut_off_at = to_timestamp($3) WHERE organisation_id = $1 AND id = $2"

# Not while somebody changes the row: nobody waits for it.
_USED = """
UPDATE clients SET last_used_at = now() WHERE (organisation_id, id) = (
    SELECT organisation_id, id FROM clients WHERE organisation_id = $1 AND id = $2 FOR NO KEY UPDATE SKIP LOCKED)
"""

_STATUS = """CASE WHEN c.revoked_at IS NOT NULL THEN 'revoked'
    WHEN c.expires_at <= now() THEN 'expired' ELSE 'active' END"""
_ITEM = f"""json_build_object('id', c.id, 'client_id', c.client_id, 'name', c.name, 'permissions', c.permissions,
    'rate_limit', c.rate_limit, 'company_ids', c.company_ids, 'status', {_STATUS},
    'expires_at', training_timestamp(c.expires_at), 'last_used_at', training_timestamp(c.last_used_at),
    'previous_secret_until', CASE WHEN c.previous_until > now() THEN training_timestamp(c.previous_until) END,
    'revoked_at', training_timestamp(c.revoked_at), 'created_at', training_timestamp(c.created_at))"""

_DETAIL = scoped(
    f"SELECT c.version, {_ITEM}::text AS document FROM clients c WHERE c.organisation_id = $1 AND c.id = $2",  # noqa: S608
    ("bigint", "bigint"),
)

TRAIL = audit_trail.Trail(
    audit_trail.entries_of("client"),
    "EXISTS (SELECT FROM clients WHERE organisation_id = :organisation_id AND id = :id)",
)


class Found(NamedTuple):
    """A client as it is at `now`, by PostgreSQL's clock."""

    client: Client
    now: datetime
    is_suspended: bool = False
    """Whether its organisation is."""


def page(organisation_id: int, query: ClientQuery) -> PageRead:
    """How many clients match, and the page of them as JSON text."""
    status = () if query.status is None else (query.status,)
    arguments = (organisation_id, *status, *query.place)
    return PageRead(_page_statement(query.window, of_status=bool(status)), arguments, slow=query.offset > DEEP)


@cache
def _page_statement(window: Window, *, of_status: bool) -> Statement:
    condition = f" AND {_STATUS} = :status" if of_status else ""
    condition += window.changed_at("c.updated_at")
    ids = f"SELECT c.id FROM clients c WHERE c.organisation_id = :organisation_id{condition}"  # noqa: S608 - constants
    text = list_of(
        total=f"SELECT count(*) FROM ({ids}) AS matched",  # noqa: S608 - of constants
        page=page_of(ids + window.start("c.id"), "id", MAX_PER_PAGE, window),
        joins="JOIN clients c ON c.organisation_id = :organisation_id AND c.id = page.id",
        item=_ITEM,
        order="c.id",
        window=window,
    )
    return Statement(text, {"organisation_id": "bigint", **({"status": "text"} if of_status else {}), **window.types})


async def detail(connection: Connection, organisation_id: int, row_id: int) -> Document | None:
    row = await connection.fetchrow(_DETAIL, organisation_id, row_id)
    return None if row is None else Document(client_row(organisation_id, row_id), row["version"], row["document"])


async def now(connection: Connection) -> datetime:
    """By PostgreSQL's clock, as all times of clients are."""
    moment: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return moment


async def lock(connection: Connection, organisation_id: int, row_id: int) -> Found | None:
    """The client, of which no token is issued and nothing changed until the transaction ends."""
    await connection.execute(_LOCK_TO_CHANGE, organisation_id, row_id)
    row = await connection.fetchrow(_WITH_ID, organisation_id, row_id)
    return None if row is None else Found(_client(row), row["now"])


async def lock_to_issue(connection: Connection, client_id: str) -> Found | None:
    """The client with this id, of whatever organisation, which does not change until the transaction ends.

    The transaction has to see all organisations.
    """
    await connection.execute(_LOCK_TO_ISSUE, client_id)
    row = await connection.fetchrow(_WITH_CLIENT_ID, client_id)
    return None if row is None else Found(_client(row), row["now"], row["suspended_at"] is not None)


async def place_of(connection: Connection, client_id: str) -> tuple[int, int] | None:
    """Organisation and id of the row; the transaction has to see all organisations."""
    row = await connection.fetchrow(_ID_OF, client_id)
    return None if row is None else (row["organisation_id"], row["id"])


async def insert(
    connection: Connection, organisation_id: int, client_id: str, secret_digest: bytes, fields: ClientFields
) -> int:
    """The new row's id."""
    row_id: int = await connection.fetchval(_INSERT, organisation_id, client_id, secret_digest, *_values(fields))
    return row_id


async def change(connection: Connection, organisation_id: int, row_id: int, fields: ClientFields) -> None:
    await connection.execute(_CHANGE, organisation_id, row_id, *_values(fields))


async def rotate(
    connection: Connection, organisation_id: int, row_id: int, secret_digest: bytes, previous_until: datetime
) -> None:
    """A new secret; the one before holds until then."""
    await connection.execute(_ROTATE, organisation_id, row_id, secret_digest, previous_until)


async def revoke(connection: Connection, organisation_id: int, row_id: int, at: datetime) -> None:
    await connection.execute(_REVOKE, organisation_id, row_id, at)


async def cut_off(connection: Connection, organisation_id: int, row_id: int, until: int) -> None:
    """Tokens to come are of a later second than `until`, which `revocations.refuse_tokens` returns."""
    await connection.execute(_CUT_OFF, organisation_id, row_id, until)


async def note_use(connection: Connection, client: Client) -> None:
    """That the client has just been used."""
    await connection.execute(_USED, client.organisation_id, client.id)


def _values(fields: ClientFields) -> tuple[Any, ...]:
    return fields.name, fields.permissions, fields.rate_limit, fields.company_ids, fields.expires_at


def _client(row: Any) -> Client:
    fields = ClientFields.model_validate({name: row[name] for name in ClientFields.model_fields}, context=STORED)
    others = Client.__slots__
    return Client(**{name: row[name] for name in others if name != "fields"}, fields=fields)
