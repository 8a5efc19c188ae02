"""SQL of people who sign in."""

from typing import Any

from services.accounts.users import User, email_key
from shared.postgres.pool import Connection

COLUMNS = (
    "organisation_id, id, version, name, email, role, user_type, employee_id, company_ids, password_hash, disabled_at,"
    " cut_off_at, created_at"
)

_WITH_EMAIL = f"SELECT {COLUMNS} FROM users WHERE email_key = $1"  # noqa: S608 - of constants alone
_WITH_ID = f"SELECT {COLUMNS} FROM users WHERE organisation_id = $1 AND id = $2"  # noqa: S608 - of constants alone


async def with_email(connection: Connection, email: str) -> User | None:
    """The user with this address, of whatever organisation: the transaction has to see all of them."""
    return user_of(await connection.fetchrow(_WITH_EMAIL, email_key(email)))


async def with_id(connection: Connection, organisation_id: int, user_id: int) -> User | None:
    return user_of(await connection.fetchrow(_WITH_ID, organisation_id, user_id))


def user_of(row: Any) -> User | None:
    return None if row is None else User(**{**row, "company_ids": tuple(row["company_ids"])})
