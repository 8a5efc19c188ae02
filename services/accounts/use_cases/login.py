"""Signing in with an email address and a password."""

from dataclasses import dataclass
from typing import Any, NoReturn

from services.accounts.errors import CredentialsRefused
from services.accounts.passwords import PasswordChecker, Turn
from services.accounts.sessions import Session, SignIn
from services.accounts.store import refresh_tokens, sign_in
from services.accounts.use_cases import guessing
from services.accounts.use_cases.guessing import Guess
from services.accounts.users import User
from shared.observability import new_uuid
from shared.postgres.pool import Connection, Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.security_log import SecurityEvent, record


@dataclass(frozen=True, slots=True)
class Verified:
    """A user whose password was right; `new_hash` is one with today's parameters, where the stored one has others."""

    user: User
    new_hash: str | None


async def log_in(
    pool: Pool, passwords: PasswordChecker, email: str, password: str, address: str, *, with_refresh_token: bool
) -> Session:
    """The user with this password, signed in.

    An unknown user, one who may not sign in and a wrong password look the same and take as long: `CredentialsRefused`.
    Raises `RateLimited` for somebody who guesses, and `Overloaded` when too many sign in at once.
    """
    guess = guessing.of_user(email, address)
    async with passwords.turn() as turn:
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            await guessing.check(connection, guess)
            found = await sign_in.with_email(connection, email)
        verified = await _verified(turn, found, password)
    if verified is None:
        await _refuse(pool, guess, found)
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await guessing.succeeded(connection, guess)
        session = await _begin(connection, verified, with_refresh_token=with_refresh_token)
    record(SecurityEvent.LOGIN_SUCCEEDED, address=address, **_subject(session.user))
    return session


async def begin_session(connection: Connection, current: SignIn, *, with_refresh_token: bool) -> Session:
    """For a user whose row is locked, and who has just proved who they are."""
    if not with_refresh_token:
        return Session(current.user, current.now)
    user, family = current.user, new_uuid()
    token = await refresh_tokens.add(connection, user.organisation_id, user.id, family)
    return Session(user, current.now, token, family)


async def _verified(turn: Turn, found: SignIn | None, password: str) -> Verified | None:
    password_hash = found.user.password_hash if found is not None and not found.hindrance else None
    right = await turn.is_right(password, password_hash)
    if found is None or password_hash is None or not right:
        return None
    new_hash = await turn.hashed(password) if turn.is_outdated(password_hash) else None
    return Verified(found.user, new_hash)


async def _refuse(pool: Pool, guess: Guess, found: SignIn | None) -> NoReturn:
    """Of an unknown user nothing is logged: what was typed may be a password in the wrong field."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        await guessing.failed(connection, guess)
    reason = "unknown_user" if found is None else found.hindrance or "wrong_password"
    subject = {} if found is None else _subject(found.user)
    record(SecurityEvent.LOGIN_FAILED, reason=reason, address=guess.address, **subject)
    raise CredentialsRefused


async def _begin(connection: Connection, verified: Verified, *, with_refresh_token: bool) -> Session:
    """Raises `CredentialsRefused` for a user who was disabled, or whose password was changed, while it was verified."""
    user = verified.user
    current = await sign_in.locked(connection, user.organisation_id, user.id)
    if current is None or current.hindrance or current.has_other_password(user):
        raise CredentialsRefused
    if verified.new_hash is not None:
        await sign_in.rehash(connection, user.organisation_id, user.id, verified.new_hash)
    return await begin_session(connection, current, with_refresh_token=with_refresh_token)


def _subject(user: User) -> dict[str, Any]:
    return {"subject": str(user.id), "organisation_id": user.organisation_id}
