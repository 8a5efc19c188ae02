"""SQL of an operator's work on the keys that sign credentials."""

from services.enrollment.sealing import about_key
from shared.auth.secrets_at_rest import Sealer
from shared.postgres.pool import Connection

_LISTED = """
SELECT organisation_id, id, CASE WHEN withdrawn_at IS NOT NULL THEN 'withdrawn' WHEN sealed IS NOT NULL THEN 'signs'
    ELSE 'published' END AS state,
    to_char(coalesce(withdrawn_at, created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
FROM credential_keys ORDER BY organisation_id, created_at DESC
"""
# Whoever issues the first credential of an organisation makes its first key under this lock.
_LOCK = "SELECT organisation_id FROM credential_counts WHERE organisation_id = $1 FOR UPDATE"
_OWNER = "SELECT organisation_id FROM credential_keys WHERE id = $1 AND withdrawn_at IS NULL"
_WITHDRAW = "UPDATE credential_keys SET withdrawn_at = now(), sealed = NULL WHERE organisation_id = $1 AND id = $2"
_FORGET = "UPDATE credential_keys SET sealed = NULL WHERE organisation_id = $1 AND sealed IS NOT NULL"
_SEALED = "SELECT organisation_id, id, sealed FROM credential_keys WHERE sealed IS NOT NULL FOR UPDATE"
_SEAL = "UPDATE credential_keys SET sealed = $3 WHERE organisation_id = $1 AND id = $2"


async def listed(connection: Connection) -> list[tuple[int, str, str, str]]:
    """Of each its organisation, its id, what it does, and since when: the newest of an organisation first."""
    return [(row[0], row[1], row[2], row[3]) for row in await connection.fetch(_LISTED)]


async def lock(connection: Connection, organisation_id: int) -> bool:
    """Whether the organisation has issued any; nobody issues one until the transaction ends."""
    return await connection.fetchval(_LOCK, organisation_id) is not None


async def owner(connection: Connection, key_id: str) -> int | None:
    """The organisation of a key that is published."""
    found: int | None = await connection.fetchval(_OWNER, key_id)
    return found


async def withdraw(connection: Connection, organisation_id: int, key_id: str) -> None:
    await connection.execute(_WITHDRAW, organisation_id, key_id)


async def forget_private_halves(connection: Connection, organisation_id: int) -> None:
    """What is published stays."""
    await connection.execute(_FORGET, organisation_id)


async def reseal(connection: Connection, sealer: Sealer) -> int:
    """How many; raises `SecretWrong`."""
    rows = await connection.fetch(_SEALED)
    for row in rows:
        about = about_key(row["organisation_id"], row["id"])
        await connection.execute(
            _SEAL, row["organisation_id"], row["id"], sealer.seal(sealer.open(row["sealed"], about), about)
        )
    return len(rows)
