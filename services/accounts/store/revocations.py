"""SQL of tokens that are refused before they expire, by subject or by organisation; the gateways follow the list."""

from typing import Any

from shared.postgres.pool import Connection

# Held until the commit, so that numbers become visible in their order: whoever has read up to one has missed none.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('revocations', 0))"

# Tokens issued after the last cut-off may say the second behind it, also within the same one: this reaches further.
_ADD = """
INSERT INTO revocations (kind, issuer, organisation_id, subject, before)
VALUES ($1, $2, $3, $4, greatest(floor(extract(epoch FROM clock_timestamp()))::bigint, 1 + (
    SELECT max(before) FROM revocations WHERE kind = $1 AND organisation_id = $3 AND subject = $4 AND issuer = $2)))
RETURNING before
"""

_PAGE = """
SELECT seq, kind, issuer, organisation_id, subject, before FROM revocations WHERE seq > $1 ORDER BY seq LIMIT $2
"""

# Numbers that are pruned count, and those of transactions that are not over.
_LAST_NUMBER = "SELECT coalesce(pg_sequence_last_value('revocations_seq_seq'), 0)"

# What was said of an organisation last stays for good: it may still be suspended, and a gateway that was
# disconnected for longer has to learn that it is not.
_PRUNE = """
DELETE FROM revocations WHERE seq IN (
    SELECT seq FROM revocations r WHERE created_at < now() - interval '31 days'
        AND (kind = 'subject' OR EXISTS (
            SELECT FROM revocations later
            WHERE later.organisation_id = r.organisation_id AND later.kind <> 'subject' AND later.seq > r.seq))
    ORDER BY created_at LIMIT 5000
)
"""


async def refuse_tokens(connection: Connection, organisation_id: int, subject: str, issuer: str) -> int:
    """From the commit on, all tokens are refused that this issuer has issued for the subject until now.

    Returns the last second of it, since the epoch: the subject's next token must not say that it is of that second.
    """
    return await _add(connection, "subject", issuer, organisation_id, subject)


async def suspend(connection: Connection, organisation_id: int) -> None:
    """From the commit on, all tokens of the organisation are refused, whoever issued them."""
    await _add(connection, "suspended", None, organisation_id, None)


async def resume(connection: Connection, organisation_id: int) -> None:
    """Ends what `suspend` began; what was cut off for its own reasons stays so."""
    await _add(connection, "resumed", None, organisation_id, None)


async def page(connection: Connection, after: int, limit: int) -> list[dict[str, Any]]:
    """What came after this number, in order; the transaction has to see all organisations."""
    return [dict(row) for row in await connection.fetch(_PAGE, after, limit)]


async def last_number(connection: Connection) -> int:
    """The last that was given; lower than what somebody has read if the database is an earlier one by now."""
    number: int = await connection.fetchval(_LAST_NUMBER)
    return number


async def prune(connection: Connection) -> None:
    """Deletes up to 5,000 that are older than any token lasts, and of organisations those that a later one follows."""
    await connection.execute(_PRUNE)


async def _add(connection: Connection, kind: str, issuer: str | None, organisation_id: int, subject: str | None) -> int:
    await connection.execute(_LOCK)
    before: int = await connection.fetchval(_ADD, kind, issuer, organisation_id, subject)
    return before
