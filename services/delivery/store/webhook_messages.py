"""SQL of what is sent to webhooks, and of what came of it (contract, section 9)."""

from datetime import datetime
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from services.delivery.schemas_webhooks import AttemptQuery, MessageQuery
from services.delivery.store.webhooks import EXISTS
from services.delivery.webhooks import Webhook
from shared.http.pagination import MAX_PER_PAGE
from shared.messaging import installation
from shared.postgres.batched_reads import DEEP, PageRead, Statement
from shared.postgres.lists import Window, list_of, page_of
from shared.postgres.pool import Connection

CHANNEL: Final = "webhooks"
"""PostgreSQL's notification channel that says that messages are due which are not new in the feed."""
PRUNED_AT_ONCE: Final = 5000

_WAKE: Final = f"SELECT pg_notify('{CHANNEL}', '')"

# A message whose outcome is being stored is passed over: who stores it waits for the webhook, which is locked here. So
# are those that are too many for a statement: nothing is sent to a webhook that is removed, and `prune` drops the rest.
_DROP = """
UPDATE webhook_messages SET status = 'dropped', done_at = statement_timestamp(), claimed_until = NULL
WHERE (organisation_id, id) IN (
    SELECT organisation_id, id FROM webhook_messages
    WHERE organisation_id = $1 AND webhook_id = $2 AND status = 'pending' LIMIT $3 FOR UPDATE SKIP LOCKED)
"""
_DROP_OF_REMOVED = """
UPDATE webhook_messages SET status = 'dropped', done_at = statement_timestamp(), claimed_until = NULL
WHERE (organisation_id, id) IN (
    SELECT m.organisation_id, m.id FROM webhooks AS w JOIN webhook_messages AS m
        ON m.organisation_id = w.organisation_id AND m.webhook_id = w.id AND m.status = 'pending'
    WHERE w.removed LIMIT $1 FOR UPDATE OF m SKIP LOCKED)
"""

_MESSAGE = """json_build_object('id', m.id, 'webhook_id', m.webhook_id, 'event_id', m.event_id, 'type', m.type,
    'status', m.status, 'tries', m.tries,
    'next_try_at', CASE WHEN m.status = 'pending' THEN training_timestamp(m.due_at) END,
    'created_at', training_timestamp(m.created_at), 'done_at', training_timestamp(m.done_at))"""
_ATTEMPT = """json_build_object('id', a.id, 'message_id', a.message_id, 'at', training_timestamp(a.at),
    'duration_ms', a.duration_ms, 'status', a.status, 'error', a.error)"""

# `time` and `source` are the database's, as those of every event (shared/messaging/outbox.py).
_ADD = f"""
INSERT INTO webhook_messages AS m (organisation_id, webhook_id, event_id, type, day, body)
SELECT $1, $2, $3, $4, (now() AT TIME ZONE 'UTC')::date,
    format('{{"time": %s, "source": "%s", %s', to_json(now()), {installation.SOURCE}, substr($6, 2))
FROM (SELECT $5::text AS source) AS new {installation.BESIDE_EVENTS}
RETURNING {_MESSAGE}::text
"""  # noqa: S608 - of constants alone

# One that is being sent right now keeps its claim.
_RESEND = f"""
UPDATE webhook_messages AS m SET status = 'pending', tries = 0, due_at = statement_timestamp(), done_at = NULL
FROM webhooks AS w
WHERE m.organisation_id = $1 AND m.id = $2
    AND w.organisation_id = m.organisation_id AND w.id = m.webhook_id AND w.status = 'enabled' AND NOT w.removed
RETURNING {_MESSAGE}::text
"""  # noqa: S608 - of constants alone
_WEBHOOK_OF = """
SELECT w.status FROM webhook_messages AS m JOIN webhooks AS w
    ON w.organisation_id = m.organisation_id AND w.id = m.webhook_id AND NOT w.removed
WHERE m.organisation_id = $1 AND m.id = $2
"""

# The days alone are an index of the time; within them each event is looked at. One that is taken in at the moment is
# sent by the statement that takes it in.
_RECOVER = """
WITH missed AS (
    SELECT event.event_id, event.type, event.day, event.position, event.id
    FROM events AS event LEFT JOIN webhook_messages AS sent
        ON sent.organisation_id = event.organisation_id AND sent.webhook_id = $2 AND sent.event_id = event.event_id
    WHERE event.organisation_id = $1 AND event.day >= ($3::timestamptz AT TIME ZONE 'UTC')::date
        AND event.received_at >= $3 AND webhook_wants($4::text[], event.type)
        AND (sent.id IS NULL OR sent.status IN ('failed', 'dropped'))
    ORDER BY event.position, event.id LIMIT $5 + 1
), recovered AS (
    INSERT INTO webhook_messages AS m (organisation_id, webhook_id, event_id, type, day, feed_position, feed_id)
    SELECT $1, $2, event_id, type, day, position, id FROM missed ORDER BY position, id LIMIT $5
    ON CONFLICT ON CONSTRAINT sent_once DO UPDATE SET status = 'pending', tries = 0, due_at = statement_timestamp(),
        done_at = NULL
    WHERE m.status IN ('failed', 'dropped')
    RETURNING 1
)
SELECT (SELECT count(*) FROM recovered) AS messages, (SELECT count(*) > $5 FROM missed) AS has_more
"""

_PRUNE = """
WITH old AS (
    SELECT organisation_id, id FROM {table} WHERE {moment} < now() - interval '30 days' ORDER BY {moment} LIMIT {most}
)
DELETE FROM {table} AS kept USING old WHERE kept.organisation_id = old.organisation_id AND kept.id = old.id
"""
_PRUNE_MESSAGES = _PRUNE.format(table="webhook_messages", moment="created_at", most=PRUNED_AT_ONCE)
_PRUNE_ATTEMPTS = _PRUNE.format(table="webhook_attempts", moment="at", most=PRUNED_AT_ONCE)


class Recovered(NamedTuple):
    """How many messages are due now, and whether there are more to recover."""

    messages: int
    has_more: bool


def page(organisation_id: int, webhook_id: int, query: MessageQuery) -> PageRead:
    """Whether there is such a webhook, how many of its messages match, and the page of them, the newest first."""
    status = () if query.status is None else (query.status,)
    statement = _messages_statement(query.window, of_status=bool(status))
    return PageRead(statement, (organisation_id, webhook_id, *status, *query.place), slow=query.offset > DEEP)


def attempts(organisation_id: int, webhook_id: int, query: AttemptQuery) -> PageRead:
    """The same of its attempts."""
    message = () if query.message_id is None else (query.message_id,)
    statement = _attempts_statement(query.window, of_message=bool(message))
    return PageRead(statement, (organisation_id, webhook_id, *message, *query.place), slow=query.offset > DEEP)


@cache
def _messages_statement(window: Window, *, of_status: bool) -> Statement:
    types = {"status": "text"} if of_status else {}
    condition = " AND m.status = :status" if of_status else ""
    return _listed("webhook_messages", "m", _MESSAGE, condition, types, window)


@cache
def _attempts_statement(window: Window, *, of_message: bool) -> Statement:
    types = {"message_id": "bigint"} if of_message else {}
    condition = " AND a.message_id = :message_id" if of_message else ""
    return _listed("webhook_attempts", "a", _ATTEMPT, condition, types, window)


def _listed(table: str, alias: str, item: str, condition: str, types: dict[str, str], window: Window) -> Statement:
    where = f"{alias}.organisation_id = :organisation_id AND {alias}.webhook_id = :id{condition}"
    ids = f"SELECT {alias}.id FROM {table} {alias} WHERE {where}"  # noqa: S608 - of constants
    listed = list_of(
        total=f"SELECT count(*) FROM ({ids}) AS matched",  # noqa: S608 - of constants
        page=page_of(ids + window.start(f"{alias}.id", newest_first=True), "id DESC", MAX_PER_PAGE, window),
        joins=f"JOIN {table} {alias} ON {alias}.organisation_id = :organisation_id AND {alias}.id = page.id",
        item=item,
        order=f"{alias}.id DESC",
        window=window,
    )
    text = f"SELECT {EXISTS} AS found, listed.* FROM ({listed}) AS listed"  # noqa: S608 - of constants
    return Statement(text, {"organisation_id": "bigint", "id": "bigint", **types, **window.types})


async def add(connection: Connection, webhook: Webhook, event_id: UUID, type_: str, body: str, source: str) -> str:
    """A message with this body, as an event without `time` and `source`, which they are added to; as JSON text."""
    arguments = (webhook.organisation_id, webhook.id, event_id, type_, source, body)
    added: str = await connection.fetchval(_ADD, *arguments)
    return added


async def resend(connection: Connection, organisation_id: int, message_id: int) -> str | None:
    """The message, which is due now and has all its tries again; None where none of an enabled webhook is found."""
    found: str | None = await connection.fetchval(_RESEND, organisation_id, message_id)
    return found


async def status_of_webhook(connection: Connection, organisation_id: int, message_id: int) -> str | None:
    """Of the one that the message is for; None where there is no such message."""
    status: str | None = await connection.fetchval(_WEBHOOK_OF, organisation_id, message_id)
    return status


async def recover(connection: Connection, webhook: Webhook, since: datetime, most: int) -> Recovered:
    """Sends what was taken in since then and the webhook did not get, the oldest first."""
    arguments = (webhook.organisation_id, webhook.id, since, webhook.fields.types, most)
    [row] = await connection.fetch(_RECOVER, *arguments)
    return Recovered(*row)


async def drop_pending(connection: Connection, organisation_id: int, webhook_id: int) -> None:
    """Of a webhook that is removed: some thousand at most, the rest by `prune`."""
    await connection.execute(_DROP, organisation_id, webhook_id, PRUNED_AT_ONCE)


async def wake(connection: Connection) -> None:
    """Those who send look for what is due, once the transaction is committed."""
    await connection.execute(_WAKE)


async def prune(connection: Connection) -> bool:
    """Deletes what is older than 30 days, and drops what still waits for webhooks that are removed: of each some
    thousand rows at most. Returns whether there may be more."""
    done = [await connection.execute(statement) for statement in (_PRUNE_MESSAGES, _PRUNE_ATTEMPTS)]
    done.append(await connection.execute(_DROP_OF_REMOVED, PRUNED_AT_ONCE))
    return any(each.endswith(f" {PRUNED_AT_ONCE}") for each in done)
