"""SQL of attempts that failed, and of addresses from which an account has signed in."""

from services.accounts.budgets import (
    ACCOUNT_WINDOW,
    ADDRESS_WINDOW,
    OF_ACCOUNT,
    OF_ADDRESS,
    PAIR_WINDOW,
    Failures,
)
from shared.postgres.pool import Connection

# Attempts of one account, or from one address, are settled one after the other, so that each counts those before it.
# Always in this order: two that share both cannot wait for each other.
_LOCK_ACCOUNT = "SELECT pg_advisory_xact_lock(hashtextextended('failures of account ' || $1, 0))"
_LOCK_ADDRESS = "SELECT pg_advisory_xact_lock(hashtextextended('failures from address ' || $1, 0))"

# The clock and not now(): the transaction may have waited for its locks.
_LATELY = """
WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS now),
known AS MATERIALIZED (SELECT last_at FROM known_addresses WHERE account = $1 AND address = $2),
pair AS MATERIALIZED (
    SELECT count(*) AS failures, max(failed_at) AS last FROM failed_attempts, moment
    WHERE account = $1 AND address = $2 AND failed_at > now - $3::interval
        AND failed_at > coalesce((SELECT last_at FROM known), '-infinity')
)
SELECT now, pair.failures, pair.last, EXISTS (SELECT FROM known) AS is_known,
    (SELECT failed_at FROM failed_attempts WHERE account = $1 AND failed_at > now - $4::interval
     ORDER BY failed_at DESC OFFSET $5 LIMIT 1) AS account_since,
    (SELECT failed_at FROM failed_attempts WHERE address = $2 AND failed_at > now - $6::interval
     ORDER BY failed_at DESC OFFSET $7 LIMIT 1) AS address_since
FROM moment, pair
"""

_ADD = "INSERT INTO failed_attempts (account, address, failed_at) VALUES ($1, $2, clock_timestamp())"

_KNOW = """
INSERT INTO known_addresses (account, address, last_at) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (account, address) DO UPDATE SET last_at = excluded.last_at
"""

_PRUNE_FAILURES = """
DELETE FROM failed_attempts WHERE id IN (
    SELECT id FROM failed_attempts WHERE failed_at < now() - $1::interval ORDER BY failed_at LIMIT 20000
)
"""

_PRUNE_ADDRESSES = """
DELETE FROM known_addresses WHERE (account, address) IN (
    SELECT account, address FROM known_addresses WHERE last_at < now() - interval '400 days' ORDER BY last_at LIMIT 5000
)
"""


async def lock(connection: Connection, account: bytes, address: str) -> None:
    """Until the end of the transaction no other attempt of the account or from the address is settled."""
    await connection.execute(_LOCK_ACCOUNT, account.hex())
    await connection.execute(_LOCK_ADDRESS, address)


async def lately(connection: Connection, account: bytes, address: str) -> Failures:
    [row] = await connection.fetch(
        _LATELY, account, address, PAIR_WINDOW, ACCOUNT_WINDOW, OF_ACCOUNT - 1, ADDRESS_WINDOW, OF_ADDRESS - 1
    )
    return Failures(*row.values())


async def add(connection: Connection, account: bytes, address: str) -> None:
    await connection.execute(_ADD, account, address)


async def know(connection: Connection, account: bytes, address: str) -> None:
    """The account has signed in from this address: what failed before counts no more against the two."""
    await connection.execute(_KNOW, account, address)


async def prune(connection: Connection) -> None:
    """Deletes up to 20,000 failures that no budget looks at, and up to 5,000 addresses not seen for 400 days."""
    await connection.execute(_PRUNE_FAILURES, PAIR_WINDOW)
    await connection.execute(_PRUNE_ADDRESSES)
