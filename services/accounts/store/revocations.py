"""SQL of tokens that are refused before they expire, by subject or by organisation; the gateways follow the list."""

from datetime import datetime
from typing import Any

from shared.postgres.pool import Connection

# Held until the commit, so that numbers become visible in their order: whoever has read up to one has missed none.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('revocations', 0))"

_ADD = """
INSERT INTO revocations (kind, issuer, organisation_id, subject, before)
VALUES ($1, $2, $3, $4, floor(extract(epoch FROM coalesce($5::timestamptz, clock_timestamp())))::bigint)
"""

_PAGE = """
SELECT seq, kind, issuer, organisation_id, subject, before FROM revocations WHERE seq > $1 ORDER BY seq LIMIT $2
"""


async def refuse_tokens(
    connection: Connection, organisation_id: int, subject: str, issuer: str, until: datetime | None = None
) -> None:
    """From the commit on, all tokens are refused that this issuer issued for the subject until then; by default now."""
    await _add(connection, "subject", issuer, organisation_id, subject, until)


async def suspend(connection: Connection, organisation_id: int) -> None:
    """From the commit on, all tokens of the organisation are refused, whoever issued them."""
    await _add(connection, "suspended", None, organisation_id, None)


async def resume(connection: Connection, organisation_id: int) -> None:
    """Ends what `suspend` began; what was cut off for its own reasons stays so."""
    await _add(connection, "resumed", None, organisation_id, None)


async def page(connection: Connection, after: int, limit: int) -> list[dict[str, Any]]:
    """What came after this number, in order; the transaction has to see all organisations."""
    return [dict(row) for row in await connection.fetch(_PAGE, after, limit)]


async def _add(
    connection: Connection,
    kind: str,
    issuer: str | None,
    organisation_id: int,
    subject: str | None,
    until: datetime | None = None,
) -> None:
    await connection.execute(_LOCK)
    await connection.execute(_ADD, kind, issuer, organisation_id, subject, until)
