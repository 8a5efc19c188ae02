"""SQL of webhooks. A removed one keeps its row, for the audit trail, and is found by nobody."""

from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

from services.delivery.representations_webhooks import webhook_row
from services.delivery.schemas_webhooks import WebhookFields, WebhookQuery
from services.delivery.sealing import secret_of, signing_key_of
from services.delivery.webhooks import DisabledReason, Webhook
from shared.auth.secrets_at_rest import Sealer
from shared.http.conditional import Document
from shared.http.pagination import MAX_PER_PAGE
from shared.postgres import audit_trail
from shared.postgres.batched_reads import DEEP, PageRead, Statement
from shared.postgres.lists import Window, list_of, page_of
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped
from shared.validation.fields import STORED

# One after the other creates webhooks of an organisation: none is counted by somebody who does not see the other's.
_LOCK_ALL = "SELECT pg_advisory_xact_lock(hashtextextended('webhooks ' || $1::bigint, 0))"
_COUNT = "SELECT count(*) FROM webhooks WHERE organisation_id = $1 AND NOT removed"
_WITH_ID = "SELECT * FROM webhooks WHERE organisation_id = $1 AND id = $2 AND NOT removed FOR NO KEY UPDATE"

# What is encrypted is bound to the id, which is not known before.
_INSERT = """
INSERT INTO webhooks (organisation_id, url, types, description, thin, status, disabled_reason, secret, signing_key,
    public_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, '', '', $8)
RETURNING *
"""
_SET_KEYS = "UPDATE webhooks SET secret = $3, signing_key = $4 WHERE organisation_id = $1 AND id = $2"

# Enabled again it begins anew: what failed before is no reason to disable it soon.
_CHANGE = """
UPDATE webhooks SET version = version + 1, updated_at = now(), url = $3, types = $4, description = $5, thin = $6,
    status = $7, disabled_reason = $8,
    failing_since = CASE WHEN status = 'disabled' AND $7 = 'enabled' THEN NULL ELSE failing_since END
WHERE organisation_id = $1 AND id = $2
RETURNING *
"""
_ROTATE = """
UPDATE webhooks SET version = version + 1, updated_at = now(), secret = $3,
    previous_secret = CASE WHEN $4::interval > interval '0' THEN secret END,
    previous_until = CASE WHEN $4::interval > interval '0' THEN now() + $4::interval END
WHERE organisation_id = $1 AND id = $2
RETURNING *
"""
_REMOVE = """
UPDATE webhooks SET version = version + 1, updated_at = now(), removed = true, secret = '', previous_secret = NULL,
    previous_until = NULL, signing_key = ''
WHERE organisation_id = $1 AND id = $2
RETURNING *
"""

_SEALED = """
SELECT organisation_id, id, secret, previous_secret, signing_key FROM webhooks WHERE NOT removed
ORDER BY organisation_id, id FOR NO KEY UPDATE
"""
_RESEAL = """
UPDATE webhooks SET secret = $3, previous_secret = $4, signing_key = $5 WHERE organisation_id = $1 AND id = $2
"""

_SIGNS = "w.previous_until > now()"
_ITEM = f"""json_build_object('id', w.id, 'url', w.url, 'types', w.types, 'description', w.description, 'thin', w.thin,
    'status', w.status, 'disabled_reason', w.disabled_reason, 'public_key', w.public_key,
    'failing_since', training_timestamp(w.failing_since),
    'previous_secret_until', CASE WHEN {_SIGNS} THEN training_timestamp(w.previous_until) END,
    'created_at', training_timestamp(w.created_at), 'updated_at', training_timestamp(w.updated_at))"""

_DETAIL = scoped(
    f"SELECT w.version, {_ITEM}::text AS document FROM webhooks w"  # noqa: S608 - of constants
    " WHERE w.organisation_id = $1 AND w.id = $2 AND NOT w.removed",
    ("bigint", "bigint"),
)
_SECRETS = scoped(
    f"""SELECT secret, CASE WHEN {_SIGNS} THEN previous_secret END AS previous_secret,
        CASE WHEN {_SIGNS} THEN training_timestamp(previous_until) END AS previous_until
    FROM webhooks w WHERE w.organisation_id = $1 AND w.id = $2 AND NOT w.removed""",  # noqa: S608 - of constants
    ("bigint", "bigint"),
)

EXISTS = "EXISTS (SELECT FROM webhooks WHERE organisation_id = :organisation_id AND id = :id AND NOT removed)"
TRAIL = audit_trail.Trail(
    audit_trail.entries_of("webhook"),
    "EXISTS (SELECT FROM webhooks WHERE organisation_id = :organisation_id AND id = :id)",
)


class Secrets(NamedTuple):
    """Encrypted; the previous one while it signs, and until when that is."""

    secret: bytes
    previous: bytes | None
    previous_until: str | None


def page(organisation_id: int, query: WebhookQuery) -> PageRead:
    """How many webhooks match, and the page of them as JSON text."""
    status = () if query.status is None else (query.status,)
    arguments = (organisation_id, *status, *query.place)
    return PageRead(_page_statement(query.window, of_status=bool(status)), arguments, slow=query.offset > DEEP)


@cache
def _page_statement(window: Window, *, of_status: bool) -> Statement:
    condition = " AND w.status = :status" if of_status else ""
    condition += window.changed_at("w.changed_at")
    ids = f"SELECT w.id FROM webhooks w WHERE w.organisation_id = :organisation_id AND NOT w.removed{condition}"  # noqa: S608
    text = list_of(
        total=f"SELECT count(*) FROM ({ids}) AS matched",  # noqa: S608 - of constants
        page=page_of(ids + window.start("w.id"), "id", MAX_PER_PAGE, window),
        joins="JOIN webhooks w ON w.organisation_id = :organisation_id AND w.id = page.id",
        item=_ITEM,
        order="w.id",
        window=window,
    )
    return Statement(text, {"organisation_id": "bigint", **({"status": "text"} if of_status else {}), **window.types})


async def detail(connection: Connection, organisation_id: int, row_id: int) -> Document | None:
    row = await connection.fetchrow(_DETAIL, organisation_id, row_id)
    return None if row is None else Document(webhook_row(organisation_id, row_id), row["version"], row["document"])


async def secrets(connection: Connection, organisation_id: int, row_id: int) -> Secrets | None:
    row = await connection.fetchrow(_SECRETS, organisation_id, row_id)
    return None if row is None else Secrets(*row)


async def count_alone(connection: Connection, organisation_id: int) -> int:
    """How many there are; nobody else creates one until the transaction ends."""
    await connection.execute(_LOCK_ALL, organisation_id)
    count: int = await connection.fetchval(_COUNT, organisation_id)
    return count


async def lock(connection: Connection, organisation_id: int, row_id: int) -> Webhook | None:
    """The webhook, which nobody else changes until the transaction ends."""
    row = await connection.fetchrow(_WITH_ID, organisation_id, row_id)
    return None if row is None else _webhook(row)


async def insert(
    connection: Connection, organisation_id: int, fields: WebhookFields, reason: DisabledReason | None, public_key: str
) -> Webhook:
    """The new one, which has no secrets before `set_keys`."""
    return _webhook(await connection.fetchrow(_INSERT, organisation_id, *_values(fields), reason, public_key))


async def set_keys(connection: Connection, webhook: Webhook, secret: bytes, signing_key: bytes) -> None:
    await connection.execute(_SET_KEYS, webhook.organisation_id, webhook.id, secret, signing_key)


async def change(
    connection: Connection, webhook: Webhook, fields: WebhookFields, reason: DisabledReason | None
) -> Webhook:
    """The webhook afterwards, as all that follow return it."""
    return await _changed(connection, _CHANGE, webhook, *_values(fields), reason)


async def rotate(connection: Connection, webhook: Webhook, secret: bytes, previous_signs: timedelta) -> Webhook:
    """`previous_signs`: how long the secret so far signs as well."""
    return await _changed(connection, _ROTATE, webhook, secret, previous_signs)


async def remove(connection: Connection, webhook: Webhook) -> Webhook:
    return await _changed(connection, _REMOVE, webhook)


async def reseal(connection: Connection, sealer: Sealer) -> int:
    """Encrypts what all webhooks have with the current secret; how many there are. Raises `SecretWrong`.

    The transaction has to see all organisations.
    """
    rows = await connection.fetch(_SEALED)
    await connection.executemany(_RESEAL, [_resealed(sealer, *row) for row in rows])
    return len(rows)


def _resealed(
    sealer: Sealer, organisation_id: int, row_id: int, secret: bytes, previous: bytes | None, signing_key: bytes
) -> tuple[Any, ...]:
    place = (organisation_id, row_id)
    of_secret, of_key = secret_of(*place), signing_key_of(*place)
    again = None if previous is None else sealer.seal(sealer.open(previous, of_secret), of_secret)
    return (
        *place,
        sealer.seal(sealer.open(secret, of_secret), of_secret),
        again,
        sealer.seal(sealer.open(signing_key, of_key), of_key),
    )


async def _changed(connection: Connection, statement: str, webhook: Webhook, *arguments: Any) -> Webhook:
    return _webhook(await connection.fetchrow(statement, webhook.organisation_id, webhook.id, *arguments))


def _values(fields: WebhookFields) -> tuple[Any, ...]:
    return fields.url, fields.types, fields.description, fields.thin, fields.status


def _webhook(row: Any) -> Webhook:
    fields = WebhookFields.model_validate({name: row[name] for name in WebhookFields.model_fields}, context=STORED)
    others: dict[str, Any] = {name: row[name] for name in Webhook.__slots__ if name != "fields"}
    return Webhook(**others, fields=fields)
