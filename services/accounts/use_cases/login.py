"""Signing in with an email address and a password."""

from services.accounts.passwords import PasswordChecker
from services.accounts.store import users as user_store
from services.accounts.users import User
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION


async def authenticate(pool: Pool, passwords: PasswordChecker, email: str, password: str) -> User | None:
    """The user with this password; an unknown user and a wrong password look the same and take as long."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        user = await user_store.with_email(connection, email)
    usable = user is not None and user.status == "active"
    right = await passwords.is_right(password, user.password_hash if user is not None and usable else None)
    return user if right else None
