"""SQL of sending: who sends a message next, and what came of it.

A claim is a time until which nobody else sends the message. It is committed before the request begins; a process that
ends in between, or before the outcome is stored, leaves a message that is sent again once its claim is over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

CHANNELS: Final = ("feed", "webhooks")
"""Notifications that messages may have been added."""
CLAIM: Final = timedelta(seconds=60)
"""Several times as long as a request may take."""

# The endpoints that have messages to send are found by stepping through the index, from each to the next: what one of
# them has waiting costs the others nothing.
_ENDPOINTS = """endpoints AS (
    (SELECT organisation_id, webhook_id FROM webhook_messages WHERE status = 'pending'
        ORDER BY organisation_id, webhook_id LIMIT 1)
    UNION ALL
    SELECT following.organisation_id, following.webhook_id FROM endpoints CROSS JOIN LATERAL (
        SELECT organisation_id, webhook_id FROM webhook_messages
        WHERE status = 'pending'
            AND (organisation_id, webhook_id) > (endpoints.organisation_id, endpoints.webhook_id)
        ORDER BY organisation_id, webhook_id LIMIT 1
    ) AS following
)"""

# A lock is taken on what is chosen alone; what another process chose and claimed meanwhile is passed over.
_CLAIM = f"""
WITH RECURSIVE {_ENDPOINTS}, due AS (
    SELECT webhooks.organisation_id, message.id, message.due_at, webhooks.failing_since IS NOT NULL AS failing,
        row_number() OVER (PARTITION BY webhooks.organisation_id, webhooks.id ORDER BY message.due_at)
            + coalesce(under_way.requests, 0) AS place
    FROM endpoints
    JOIN webhooks ON webhooks.organisation_id = endpoints.organisation_id AND webhooks.id = endpoints.webhook_id
        AND webhooks.status = 'enabled' AND NOT webhooks.removed
    LEFT JOIN unnest($5::bigint[], $6::bigint[], $7::integer[]) AS under_way (organisation_id, webhook_id, requests)
        ON under_way.organisation_id = webhooks.organisation_id AND under_way.webhook_id = webhooks.id
    CROSS JOIN LATERAL (
        SELECT id, due_at FROM webhook_messages AS waiting
        WHERE waiting.organisation_id = webhooks.organisation_id AND waiting.webhook_id = webhooks.id
            AND waiting.status = 'pending' AND waiting.due_at <= statement_timestamp()
            AND (waiting.claimed_until IS NULL OR waiting.claimed_until <= statement_timestamp())
        ORDER BY waiting.due_at
        LIMIT greatest(0, CASE WHEN webhooks.failing_since IS NULL THEN $8::integer ELSE 1 END
            - coalesce(under_way.requests, 0))
    ) AS message
), by_organisation AS (
    SELECT organisation_id, id, due_at, failing,
        row_number() OVER (PARTITION BY organisation_id ORDER BY failing, place, due_at) AS turn
    FROM due
), chosen AS (
    SELECT organisation_id, id
    FROM by_organisation LEFT JOIN unnest($2::bigint[], $3::integer[]) AS room (organisation_id, requests)
        USING (organisation_id)
    WHERE turn <= coalesce(room.requests, $4)
    ORDER BY failing, turn, due_at LIMIT $1
), free AS (
    SELECT message.organisation_id, message.id
    FROM chosen JOIN webhook_messages AS message USING (organisation_id, id)
    WHERE message.status = 'pending'
        AND (message.claimed_until IS NULL OR message.claimed_until <= statement_timestamp())
    FOR UPDATE OF message SKIP LOCKED
), claimed AS (
    UPDATE webhook_messages AS message SET claimed_until = statement_timestamp() + $9::interval
    FROM free WHERE message.organisation_id = free.organisation_id AND message.id = free.id
    RETURNING message.*
)
SELECT claimed.organisation_id, claimed.webhook_id, claimed.id, claimed.event_id, claimed.tries,
    coalesce(claimed.body, event.body) AS body, claimed.claimed_until, statement_timestamp() AS claimed_at,
    webhooks.url, webhooks.thin, webhooks.secret, webhooks.signing_key,
    CASE WHEN webhooks.previous_until > statement_timestamp() THEN webhooks.previous_secret END AS previous_secret
FROM claimed
JOIN webhooks ON webhooks.organisation_id = claimed.organisation_id AND webhooks.id = claimed.webhook_id
LEFT JOIN events AS event ON event.organisation_id = claimed.organisation_id AND event.day = claimed.day
    AND event.position = claimed.feed_position AND event.id = claimed.feed_id
"""  # noqa: S608 - of constants alone

State = Literal["delivered", "pending", "failed", "dropped"]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this process may send until `claimed_until`; the secrets are encrypted. `body` is None where its
    event is no longer kept."""

    organisation_id: int
    webhook_id: int
    id: int
    event_id: UUID
    tries: int
    body: str | None
    claimed_until: datetime
    claimed_at: datetime
    url: str
    thin: bool
    secret: bytes
    signing_key: bytes
    previous_secret: bytes | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a claim: the message's new state, and the pause until it is due again where it is `pending`.

    `tries` are those before it.
    """

    organisation_id: int
    webhook_id: int
    message_id: int
    claimed_until: datetime
    tries: int
    state: State
    pause: timedelta
    began_at: datetime
    duration_ms: int
    status: int | None
    error: str | None


_ATTEMPTS = ArrayColumns(
    organisation_id="bigint",
    webhook_id="bigint",
    message_id="bigint",
    claimed_until="timestamptz",
    tries="integer",
    state="text",
    pause="interval",
    began_at="timestamptz",
    duration_ms="integer",
    status="integer",
    error="text",
)

# Somebody has sent the message again while this request was under way: its tries begin anew, and it is due.
_ASKED_FOR = "message.tries < attempt.tries"
_PENDING = f"attempt.state = 'pending' OR attempt.state = 'failed' AND {_ASKED_FOR}"

# Only a claim that is still the same counts: another process has sent the message meanwhile, or will.
_SETTLE = f"""
WITH attempt AS (
    SELECT * FROM {_ATTEMPTS.unnest("attempt")}
), settled AS (
    UPDATE webhook_messages AS message SET tries = message.tries + 1, claimed_until = NULL,
        status = CASE WHEN {_PENDING} THEN 'pending' ELSE attempt.state END,
        due_at = statement_timestamp() + CASE WHEN {_ASKED_FOR} THEN interval '0' ELSE attempt.pause END,
        done_at = CASE WHEN {_PENDING} THEN NULL ELSE statement_timestamp() END
    FROM attempt WHERE message.organisation_id = attempt.organisation_id AND message.id = attempt.message_id
        AND message.claimed_until = attempt.claimed_until
    RETURNING attempt.*
), recorded AS (
    INSERT INTO webhook_attempts (organisation_id, webhook_id, message_id, at, duration_ms, status, error)
    SELECT organisation_id, webhook_id, message_id, began_at, duration_ms, status, error FROM settled
    WHERE state <> 'dropped'
), outcome AS (
    SELECT organisation_id, webhook_id, bool_or(state = 'delivered') AS succeeded, min(began_at) AS began_at,
        coalesce(bool_or(status = 410), false) AS gone
    FROM settled WHERE state <> 'dropped' GROUP BY organisation_id, webhook_id
), changed AS (
    UPDATE webhooks SET failing_since = CASE WHEN NOT outcome.succeeded THEN outcome.began_at END
    FROM outcome WHERE webhooks.organisation_id = outcome.organisation_id AND webhooks.id = outcome.webhook_id
        AND (webhooks.failing_since IS NULL) = NOT outcome.succeeded
)
SELECT webhooks.organisation_id, webhooks.id AS webhook_id,
    coalesce(webhooks.failing_since, outcome.began_at) AS failing_since, outcome.gone,
    statement_timestamp() AS now
FROM outcome JOIN webhooks ON webhooks.organisation_id = outcome.organisation_id AND webhooks.id = outcome.webhook_id
WHERE (outcome.gone OR NOT outcome.succeeded) AND webhooks.status = 'enabled' AND NOT webhooks.removed
"""  # noqa: S608 - of constants alone

_RELEASE = """
UPDATE webhook_messages AS message SET claimed_until = NULL
FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS claimed (organisation_id, id, claimed_until)
WHERE message.organisation_id = claimed.organisation_id AND message.id = claimed.id
    AND message.claimed_until = claimed.claimed_until
"""


MOST_COUNTED: Final = 100_000
"""Messages that wait and are counted."""
_MOST_ENDPOINTS: Final = 10_000

# From endpoint to endpoint, as above. What a webhook that is disabled has waiting is sent if it is enabled again.
_WAITING = f"""
WITH RECURSIVE {_ENDPOINTS}, enabled AS (
    SELECT webhooks.organisation_id, webhooks.id
    FROM (SELECT * FROM endpoints LIMIT $2) AS endpoint
    JOIN webhooks ON webhooks.organisation_id = endpoint.organisation_id AND webhooks.id = endpoint.webhook_id
        AND webhooks.status = 'enabled' AND NOT webhooks.removed
)
SELECT
    (SELECT count(*) FROM (
        SELECT FROM enabled JOIN webhook_messages AS message ON message.organisation_id = enabled.organisation_id
            AND message.webhook_id = enabled.id AND message.status = 'pending' LIMIT $1) AS part),
    greatest(0, extract(epoch FROM statement_timestamp() - (
        SELECT min(first.due_at) FROM enabled CROSS JOIN LATERAL (
            SELECT due_at FROM webhook_messages AS message WHERE message.organisation_id = enabled.organisation_id
                AND message.webhook_id = enabled.id AND message.status = 'pending' ORDER BY due_at LIMIT 1
        ) AS first)))::float8
"""  # noqa: S608 - of constants alone


@dataclass(frozen=True, slots=True)
class Failing:
    """An endpoint where all has failed since a time, up to now, or that says that it is gone."""

    organisation_id: int
    webhook_id: int
    failing_since: datetime
    gone: bool
    now: datetime


async def claim(
    connection: Connection,
    total: int,
    organisations: Mapping[int, int],
    most_of_organisation: int,
    under_way: Sequence[tuple[int, int, int]],
    most_of_endpoint: int,
) -> list[Claimed]:
    """At most `total` messages that are due, endpoints in turn, those that fail after the others.

    `organisations` says how many of each at most, and `most_of_organisation` how many of those that are not in it.
    `under_way` are organisation, webhook and number of the requests that it has already; together with them none has
    more than `most_of_endpoint`, and one that fails has no more than one.
    """
    rows = await connection.fetch(
        _CLAIM,
        total,
        list(organisations),
        list(organisations.values()),
        most_of_organisation,
        *([each[column] for each in under_way] for column in range(3)),
        most_of_endpoint,
        CLAIM,
    )
    return [Claimed(**row) for row in rows]


async def waiting(connection: Connection) -> tuple[int, float]:
    """How many messages are still to be sent, counted up to `MOST_COUNTED`, and for how many seconds one has been due
    at most."""
    [row] = await connection.fetch(_WAITING, MOST_COUNTED, _MOST_ENDPOINTS)
    return row[0], row[1] or 0.0


async def settle(connection: Connection, attempts: Sequence[Attempt]) -> list[Failing]:
    """Stores what came of the claims; returns the enabled endpoints where nothing succeeded, or that are gone."""
    columns = _ATTEMPTS.arrays(
        {name: getattr(attempt, name) for name in Attempt.__dataclass_fields__} for attempt in attempts
    )
    return [Failing(**row) for row in await connection.fetch(_SETTLE, *columns)]


async def release(connection: Connection, claimed: Sequence[Claimed]) -> None:
    """Lets others send these at once."""
    await connection.execute(
        _RELEASE,
        [each.organisation_id for each in claimed],
        [each.id for each in claimed],
        [each.claimed_until for each in claimed],
    )
