"""SQL of one-time links with which users set their password. Of a link's token its SHA-256 is kept."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.postgres.pool import Connection

DAYS = 7
"""For which a link is valid."""
KEPT = 20
"""Links of a user that are kept, so that a replaced link is not reported as unknown."""

_REPLACE = """
UPDATE invitations SET replaced_at = now()
WHERE organisation_id = $1 AND user_id = $2 AND used_at IS NULL AND replaced_at IS NULL
"""

_FORGET = """
DELETE FROM invitations WHERE organisation_id = $1 AND user_id = $2 AND token_digest IN (
    SELECT token_digest FROM invitations WHERE organisation_id = $1 AND user_id = $2
    ORDER BY created_at DESC, expires_at DESC OFFSET $3)
"""

_ADD = """
INSERT INTO invitations (organisation_id, user_id, token_digest, expires_at)
VALUES ($1, $2, $3, now() + make_interval(days => $4))
RETURNING expires_at
"""

_FIND = """
SELECT organisation_id, user_id, CASE WHEN used_at IS NOT NULL THEN 'used' WHEN replaced_at IS NOT NULL THEN 'replaced'
    WHEN expires_at <= now() THEN 'expired' END AS over
FROM invitations WHERE token_digest = $1
"""

_USE = "UPDATE invitations SET used_at = now() WHERE token_digest = $1"


@dataclass(frozen=True, slots=True)
class NewLink:
    """`token` is shown once and stored nowhere."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """Whose it is, and why it is no longer valid, if it is not."""

    organisation_id: int
    user_id: int
    over: Literal["used", "replaced", "expired"] | None


async def add(connection: Connection, organisation_id: int, user_id: int) -> NewLink:
    """A new link for the user, whose row is locked; it replaces the one before."""
    token = f"inv_{secrets.token_urlsafe(32)}"
    await replace(connection, organisation_id, user_id)
    await connection.execute(_FORGET, organisation_id, user_id, KEPT - 1)
    expires_at: datetime = await connection.fetchval(_ADD, organisation_id, user_id, _digest(token), DAYS)
    return NewLink(token, expires_at)


async def replace(connection: Connection, organisation_id: int, user_id: int) -> None:
    """Ends the link that the user has."""
    await connection.execute(_REPLACE, organisation_id, user_id)


async def find(connection: Connection, token: str) -> Link | None:
    """Of whatever organisation: the transaction has to see all of them."""
    row = await connection.fetchrow(_FIND, _digest(token))
    return None if row is None else Link(**row)


async def use(connection: Connection, token: str) -> None:
    """To be called after `find` has found it valid, with the user's row locked before that."""
    await connection.execute(_USE, _digest(token))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
