"""SQL of people who sign in."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from asyncpg import UniqueViolationError

from services.accounts.errors import EmailTaken
from services.accounts.schemas_users import UserDocument, UserFields
from services.accounts.store.revocations import refuse_tokens
from services.accounts.users import User, email_key
from shared.postgres.pool import Connection

COLUMNS = (
    "organisation_id, id, version, name, email, role, user_type, employee_id, company_ids, password_hash, disabled_at,"
    " cut_off_at, created_at"
)

_WITH_EMAIL = f"SELECT {COLUMNS} FROM users WHERE email_key = $1"  # noqa: S608 - of constants alone
_WITH_ID = f"SELECT {COLUMNS} FROM users WHERE organisation_id = $1 AND id = $2"  # noqa: S608 - of constants alone


_EVERY = f"""
SELECT {COLUMNS} FROM users WHERE organisation_id = $1 OR $1 IS NULL ORDER BY organisation_id, id
"""  # noqa: S608 - of constants alone

# Taken before any user's row: of two Admins who demote each other, the second sees what the first did.
_LOCK_ADMINS = "SELECT pg_advisory_xact_lock(hashtextextended('admins ' || $1::bigint, 0))"
_LOCK = f"{_WITH_ID} FOR UPDATE"
_OTHER_ADMIN = """
SELECT EXISTS (SELECT FROM users WHERE organisation_id = $1 AND id <> $2 AND role = 'Admin' AND status = 'active')
"""

_INSERT = f"""
INSERT INTO users (organisation_id, name, email, email_key, role, user_type, employee_id, company_ids)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING {COLUMNS}
"""  # noqa: S608 - of constants alone

_UPDATE = f"""
UPDATE users SET version = version + 1, name = $3, email = $4, email_key = $5, role = $6, user_type = $7,
    employee_id = $8, company_ids = $9, disabled_at = CASE WHEN $10 THEN coalesce(disabled_at, now()) END
WHERE organisation_id = $1 AND id = $2
RETURNING {COLUMNS}
"""  # noqa: S608 - of constants alone

_SET_PASSWORD = f"""
UPDATE users SET version = version + 1, password_hash = $3 WHERE organisation_id = $1 AND id = $2 RETURNING {COLUMNS}
"""  # noqa: S608 - of constants alone

_NEXT_VERSION = f"""
UPDATE users SET version = version + 1 WHERE organisation_id = $1 AND id = $2 RETURNING {COLUMNS}
"""  # noqa: S608 - of constants alone

_CUT_OFF = "UPDATE users SET cut_off_at = to_timestamp($3) WHERE organisation_id = $1 AND id = $2"
_END_FAMILIES = """
UPDATE refresh_tokens SET ended_at = now() WHERE organisation_id = $1 AND user_id = $2 AND ended_at IS NULL
"""


async def with_email(connection: Connection, email: str) -> User | None:
    """The user with this address, of whatever organisation: the transaction has to see all of them."""
    return user_of(await connection.fetchrow(_WITH_EMAIL, email_key(email)))


async def with_id(connection: Connection, organisation_id: int, user_id: int) -> User | None:
    return user_of(await connection.fetchrow(_WITH_ID, organisation_id, user_id))


async def every(connection: Connection, organisation_id: int | None) -> AsyncIterator[User]:
    """The users of an organisation or of all, in the order of their ids."""
    async for row in connection.cursor(_EVERY, organisation_id):
        yield _user(row)


async def lock(connection: Connection, organisation_id: int, user_id: int) -> User | None:
    """The user, kept from other changes until the transaction ends."""
    return user_of(await connection.fetchrow(_LOCK, organisation_id, user_id))


async def lock_admins(connection: Connection, organisation_id: int) -> None:
    """Lets nobody else change who is an active Admin, until the transaction ends; to be called before `lock`."""
    await connection.execute(_LOCK_ADMINS, organisation_id)


async def has_other_admin(connection: Connection, organisation_id: int, user_id: int) -> bool:
    """Whether anybody but this user is an active Admin of the organisation."""
    found: bool = await connection.fetchval(_OTHER_ADMIN, organisation_id, user_id)
    return found


async def insert(connection: Connection, organisation_id: int, fields: UserFields) -> User:
    """The new user, who has no password; raises `EmailTaken`."""
    with _email_free():
        return _user(await connection.fetchrow(_INSERT, organisation_id, *_columns(fields)))


async def update(connection: Connection, organisation_id: int, user_id: int, document: UserDocument) -> User:
    """The user's next version; raises `EmailTaken`."""
    with _email_free():
        return _user(
            await connection.fetchrow(_UPDATE, organisation_id, user_id, *_columns(document), document.disabled)
        )


async def set_password(connection: Connection, organisation_id: int, user_id: int, password_hash: str) -> User:
    """The user's next version, who can sign in with this password."""
    return _user(await connection.fetchrow(_SET_PASSWORD, organisation_id, user_id, password_hash))


async def next_version(connection: Connection, organisation_id: int, user_id: int) -> User:
    """The same user with a new version, for a change of what belongs to them."""
    return _user(await connection.fetchrow(_NEXT_VERSION, organisation_id, user_id))


async def delete(connection: Connection, organisation_id: int, user_id: int) -> None:
    """With the links and refresh tokens; the audit trail stays."""
    await connection.execute("DELETE FROM users WHERE organisation_id = $1 AND id = $2", organisation_id, user_id)


async def end_sessions(connection: Connection, organisation_id: int, user_id: int, issuer: str) -> None:
    """From the commit on, all tokens of the user are refused that this issuer has issued until now.

    The user's row is locked: whoever signs in later knows of the cut-off, and gets a token that is of a later second.
    """
    before = await refuse_tokens(connection, organisation_id, str(user_id), issuer)
    await connection.execute(_CUT_OFF, organisation_id, user_id, before)
    await connection.execute(_END_FAMILIES, organisation_id, user_id)


@contextmanager
def _email_free() -> Iterator[None]:
    try:
        yield
    except UniqueViolationError as error:
        if error.constraint_name != "email_taken":
            raise
        raise EmailTaken from None


def _columns(fields: UserFields) -> tuple[Any, ...]:
    return (
        fields.name,
        fields.email,
        email_key(fields.email),
        fields.role,
        fields.user_type,
        fields.employee_id,
        fields.company_ids,
    )


def _user(row: Any) -> User:
    """Of a statement that always gives a row."""
    return User(**{**row, "company_ids": tuple(row["company_ids"])})


def user_of(row: Any) -> User | None:
    return None if row is None else _user(row)
