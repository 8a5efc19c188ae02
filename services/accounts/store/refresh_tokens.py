"""SQL of refresh tokens: of each its SHA-256 is kept. A family is what came of one login.

Whoever makes or ends one has locked its user's row before: none that is made meanwhile is missed.
"""

import hashlib
import secrets
from uuid import UUID

from services.accounts.sessions import REFRESH_LIFETIME, StoredToken
from shared.postgres.pool import Connection

# Its user's row is locked after this, and the token read again.
_OWNER = "SELECT organisation_id, user_id FROM refresh_tokens WHERE token_digest = $1"

_WITH_DIGEST = """
SELECT token.family, token.expires_at, token.used_at, token.ended_at, clock_timestamp() AS now,
    EXISTS (SELECT FROM refresh_tokens later WHERE later.organisation_id = token.organisation_id
        AND later.family = token.family AND later.used_at > token.used_at) AS successor_used
FROM refresh_tokens token WHERE token_digest = $1
"""

_ADD = """
INSERT INTO refresh_tokens (organisation_id, user_id, family, token_digest, created_at, expires_at)
SELECT $1, $2, $3, $4, now, now + $5::interval FROM clock_timestamp() AS now
"""

_USE = "UPDATE refresh_tokens SET used_at = clock_timestamp() WHERE token_digest = $1"

_END = """
UPDATE refresh_tokens SET ended_at = clock_timestamp()
WHERE organisation_id = $1 AND user_id = $2 AND family = $3 AND ended_at IS NULL
"""

_PRUNE = """
DELETE FROM refresh_tokens WHERE token_digest IN (
    SELECT token_digest FROM refresh_tokens WHERE expires_at < now() ORDER BY expires_at LIMIT 5000
)
"""


async def owner(connection: Connection, token: str) -> tuple[int, int] | None:
    """The organisation and the user that a token was issued to; the transaction has to see all organisations."""
    row = await connection.fetchrow(_OWNER, _digest(token))
    return None if row is None else (row["organisation_id"], row["user_id"])


async def find(connection: Connection, token: str) -> StoredToken | None:
    row = await connection.fetchrow(_WITH_DIGEST, _digest(token))
    return None if row is None else StoredToken(**row)


async def add(connection: Connection, organisation_id: int, user_id: int, family: UUID) -> str:
    """A new token, which is stored nowhere."""
    token = secrets.token_urlsafe(32)
    await connection.execute(_ADD, organisation_id, user_id, family, _digest(token), REFRESH_LIFETIME)
    return token


async def use(connection: Connection, token: str) -> None:
    """It is good for nothing any more."""
    await connection.execute(_USE, _digest(token))


async def end(connection: Connection, organisation_id: int, user_id: int, family: UUID) -> None:
    """No token of the family is accepted any more."""
    await connection.execute(_END, organisation_id, user_id, family)


async def prune(connection: Connection) -> None:
    """Deletes up to 5,000 that have expired."""
    await connection.execute(_PRUNE)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
