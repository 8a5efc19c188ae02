"""SQL of signing keys. The newest promoted one signs; all but retired ones are published."""

import json
from collections.abc import Mapping
from datetime import datetime

from services.accounts.signing_keys import SigningKey
from shared.auth.jwk import new_private_key
from shared.auth.secrets_at_rest import Sealer
from shared.postgres.pool import Connection

# Held until the commit by whoever changes the keys. A statement of its own: the next one sees what it has waited for.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('signing keys', 0))"

# Changes with every key that is added, promoted or retired.
_VERSION = """
SELECT array_agg((key_id, promoted_at) ORDER BY key_id)::text FROM signing_keys WHERE retired_at IS NULL
"""

_KEYS = """
SELECT key_id, private_sealed FROM signing_keys WHERE retired_at IS NULL
ORDER BY promoted_at DESC NULLS LAST, created_at, key_id
"""

_LIST = """
SELECT key_id, algorithm, created_at, promoted_at, retired_at, tokens_until FROM signing_keys
ORDER BY created_at, key_id
"""

# One after the other: the order in which they came is that in which they are published.
_ADD = """
INSERT INTO signing_keys (key_id, algorithm, private_sealed, created_at, tokens_until)
VALUES ($1, $2, $3, clock_timestamp(), $4) ON CONFLICT (key_id) DO NOTHING RETURNING created_at
"""

# Later than any other, whatever the clock says.
_PROMOTE = """
UPDATE signing_keys SET promoted_at = greatest(clock_timestamp(),
    (SELECT max(promoted_at) FROM signing_keys) + interval '1 microsecond') WHERE key_id = $1
"""

# Its private half is of no more use to anybody who should have it.
_RETIRE = "UPDATE signing_keys SET retired_at = clock_timestamp(), private_sealed = '' WHERE key_id = $1"

_EXTEND = "UPDATE signing_keys SET tokens_until = greatest(tokens_until, $2) WHERE key_id = $1"

_ONE = "SELECT private_sealed FROM signing_keys WHERE key_id = $1"

_RESEAL = "UPDATE signing_keys SET private_sealed = $2 WHERE key_id = $1"


async def version(connection: Connection) -> str | None:
    """A text that differs once the keys do; None where there is no key."""
    found: str | None = await connection.fetchval(_VERSION)
    return found


async def key_set(connection: Connection, sealer: Sealer) -> str:
    """The private key set as JSON text, the one that signs first; raises `SecretWrong`."""
    opened = await private_keys(connection, sealer)
    return json.dumps({"keys": [json.loads(jwk) for jwk in opened.values()]})


async def private_keys(connection: Connection, sealer: Sealer) -> Mapping[str, str]:
    """The published keys by their `kid`, as private JWKs; raises `SecretWrong`."""
    rows = await connection.fetch(_KEYS)
    return {row["key_id"]: sealer.open(row["private_sealed"], row["key_id"]) for row in rows}


async def private_key(connection: Connection, sealer: Sealer, key_id: str) -> str:
    """The key as a private JWK; raises `SecretWrong`."""
    return sealer.open(await connection.fetchval(_ONE, key_id), key_id)


async def make_first(connection: Connection, sealer: Sealer) -> None:
    """Makes an Ed25519 key that signs, unless there is a key already: of processes that start at once, one makes it."""
    await lock(connection)
    if not await list_keys(connection):
        jwk = new_private_key("EdDSA")
        await add(connection, sealer, jwk["kid"], "EdDSA", json.dumps(jwk))
        await promote(connection, jwk["kid"])


async def lock(connection: Connection) -> None:
    """Nobody else changes the keys until the transaction ends."""
    await connection.execute(_LOCK)


async def now(connection: Connection) -> datetime:
    """The database's time, as the rows have it."""
    moment: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return moment


async def list_keys(connection: Connection) -> list[SigningKey]:
    """All there have been."""
    return [SigningKey(**row) for row in await connection.fetch(_LIST)]


async def add(
    connection: Connection, sealer: Sealer, key_id: str, algorithm: str, jwk: str, tokens_until: datetime | None = None
) -> bool:
    """Publishes a key; whether it is new. The database has to be locked."""
    sealed = sealer.seal(jwk, key_id)
    return await connection.fetchval(_ADD, key_id, algorithm, sealed, tokens_until) is not None


async def promote(connection: Connection, key_id: str) -> None:
    await connection.execute(_PROMOTE, key_id)


async def retire(connection: Connection, key_id: str) -> None:
    await connection.execute(_RETIRE, key_id)


async def extend_tokens(connection: Connection, key_id: str, until: datetime) -> None:
    """Notes that a token which the key has signed is valid until then."""
    await connection.execute(_EXTEND, key_id, until)


async def reseal(connection: Connection, sealer: Sealer) -> int:
    """Encrypts the private halves again; how many. Raises `SecretWrong`."""
    opened = await private_keys(connection, sealer)
    await connection.executemany(_RESEAL, [(key_id, sealer.seal(jwk, key_id)) for key_id, jwk in opened.items()])
    return len(opened)
