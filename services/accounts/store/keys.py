"""SQL of signing keys. The newest promoted one signs; all but retired ones are published."""

import json

from services.accounts.secrets_at_rest import Sealer
from shared.auth.jwk import new_private_keys
from shared.postgres.pool import Connection

# Changes with every key that is added, promoted or retired.
_VERSION = """
SELECT array_agg((key_id, promoted_at) ORDER BY key_id)::text FROM signing_keys WHERE retired_at IS NULL
"""

_KEYS = """
SELECT key_id, private_sealed FROM signing_keys WHERE retired_at IS NULL
ORDER BY promoted_at DESC NULLS LAST, created_at, key_id
"""

# Of processes that start at once, one makes it.
_MAKE_FIRST = """
INSERT INTO signing_keys (key_id, algorithm, private_sealed, promoted_at)
SELECT $1, 'EdDSA', $2, now() WHERE pg_advisory_xact_lock(hashtextextended('signing keys', 0)) IS NOT NULL
    AND NOT EXISTS (SELECT FROM signing_keys)
"""


async def version(connection: Connection) -> str | None:
    """A text that differs once the keys do; None where there is no key."""
    found: str | None = await connection.fetchval(_VERSION)
    return found


async def key_set(connection: Connection, sealer: Sealer) -> str:
    """The private key set as JSON text, the one that signs first; raises `SecretWrong`."""
    rows = await connection.fetch(_KEYS)
    return json.dumps({"keys": [json.loads(sealer.open(row["private_sealed"], row["key_id"])) for row in rows]})


async def make_first(connection: Connection, sealer: Sealer) -> None:
    """Makes an Ed25519 key that signs, unless there is a key already."""
    [jwk] = json.loads(new_private_keys())["keys"]
    await connection.execute(_MAKE_FIRST, jwk["kid"], sealer.seal(json.dumps(jwk), jwk["kid"]))
