"""SQL of users at the moment they sign in, with their organisation."""

from typing import Any

from services.accounts.sessions import SignIn
from services.accounts.store.users import COLUMNS, user_of
from services.accounts.users import email_key
from shared.postgres.pool import Connection

# One statement, which takes as long for an address that nobody has. The clock is read before the row is locked: what is
# issued at this time is older than whatever cuts it off later.
_SIGN_IN = f"""
SELECT {", ".join(f"users.{name.strip()}" for name in COLUMNS.split(","))},
    organisations.suspended_at IS NOT NULL AS is_suspended,
    floor(extract(epoch FROM clock_timestamp()))::bigint AS now
FROM users LEFT JOIN organisations USING (organisation_id)
"""  # noqa: S608 - of constants alone
_WITH_EMAIL = f"{_SIGN_IN} WHERE users.email_key = $1"
_LOCKED = f"{_SIGN_IN} WHERE users.organisation_id = $1 AND users.id = $2 FOR NO KEY UPDATE OF users"

_REHASH = "UPDATE users SET password_hash = $3 WHERE organisation_id = $1 AND id = $2"


async def with_email(connection: Connection, email: str) -> SignIn | None:
    """The user with this address, of whatever organisation: the transaction has to see all of them."""
    return _sign_in_of(await connection.fetchrow(_WITH_EMAIL, email_key(email)))


async def locked(connection: Connection, organisation_id: int, user_id: int) -> SignIn | None:
    """The user, whom nobody changes until the end of the transaction."""
    return _sign_in_of(await connection.fetchrow(_LOCKED, organisation_id, user_id))


async def rehash(connection: Connection, organisation_id: int, user_id: int, password_hash: str) -> None:
    """The same password with today's parameters: no new version of the user."""
    await connection.execute(_REHASH, organisation_id, user_id, password_hash)


def _sign_in_of(row: Any) -> SignIn | None:
    columns = dict(row or {})
    is_suspended, now = columns.pop("is_suspended", False), columns.pop("now", 0)
    user = user_of(columns or None)
    return None if user is None else SignIn(user, is_suspended, now)
