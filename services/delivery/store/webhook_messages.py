"""SQL of what is sent to webhooks (contract, section 9)."""

from typing import Final

from shared.postgres.pool import Connection

CHANNEL: Final = "webhooks"
"""PostgreSQL's notification channel that says that messages are due which are not new in the feed."""

_WAKE: Final = f"SELECT pg_notify('{CHANNEL}', '')"

# A message whose outcome is being stored is passed over: who stores it waits for the webhook, which is locked here.
_DROP = """
UPDATE webhook_messages SET status = 'dropped', done_at = statement_timestamp(), claimed_until = NULL
WHERE (organisation_id, id) IN (
    SELECT organisation_id, id FROM webhook_messages
    WHERE organisation_id = $1 AND webhook_id = $2 AND status = 'pending' FOR UPDATE SKIP LOCKED)
"""


async def drop_pending(connection: Connection, organisation_id: int, webhook_id: int) -> None:
    """Of a webhook that is removed."""
    await connection.execute(_DROP, organisation_id, webhook_id)


async def wake(connection: Connection) -> None:
    """Those who send look for what is due, once the transaction is committed."""
    await connection.execute(_WAKE)
