"""Changing one's own password."""

from services.accounts.errors import NoPassword
from services.accounts.password_rules import check_new_password
from services.accounts.passwords import PasswordChecker, normal_password
from services.accounts.schemas import PasswordChange
from services.accounts.sessions import Session, SignIn
from services.accounts.store import sign_in
from services.accounts.store import users as user_store
from services.accounts.use_cases import guessing
from services.accounts.use_cases.login import begin_session
from services.accounts.use_cases.users import add_to_trail
from services.accounts.users import User
from shared.errors import Conflict, ValidationFailed
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection, Pool, transaction
from shared.security_log import SecurityEvent, record


async def change_password(
    pool: Pool,
    passwords: PasswordChecker,
    user: User | None,
    change: PasswordChange,
    *,
    issuer: str,
    address: str,
    actor: Actor,
) -> Session:
    """Signs the user out everywhere, and in again here.

    Raises `NoPassword` for who is no user of ours, `ValidationFailed` for a wrong password or one that may not be,
    `RateLimited` as a login does, `Overloaded`, and `Conflict` when somebody else changed it meanwhile.
    """
    if user is None or user.password_hash is None:
        raise NoPassword
    _check_new(user, change)
    guess = guessing.of_user(user.email, address)
    async with passwords.turn() as turn:
        async with transaction(pool, [user.organisation_id]) as connection:
            await guessing.check(connection, guess)
        right = await turn.is_right(change.current_password, user.password_hash)
        new_hash = await turn.hashed(change.new_password) if right else ""
    async with transaction(pool, [user.organisation_id]) as connection:
        if right:
            await guessing.succeeded(connection, guess)
            session = await _changed(connection, user, new_hash, change, issuer, actor)
        else:
            await guessing.failed(connection, guess)
    subject = {"subject": str(user.id), "organisation_id": user.organisation_id, "address": address}
    if not right:
        record(SecurityEvent.LOGIN_FAILED, reason="wrong_password", **subject)
        raise ValidationFailed({"current_password": ["Is not your password."]})
    record(SecurityEvent.PASSWORD_CHANGED, **subject)
    return session


def _check_new(user: User, change: PasswordChange) -> None:
    new = normal_password(change.new_password)
    check_new_password("new_password", new, user.name, user.email)
    if new == normal_password(change.current_password):
        raise ValidationFailed({"new_password": ["Must differ from the current one."]})


async def _changed(
    connection: Connection, user: User, new_hash: str, change: PasswordChange, issuer: str, actor: Actor
) -> Session:
    current = await _unchanged(connection, user)
    changed = await user_store.set_password(connection, user.organisation_id, user.id, new_hash)
    await user_store.end_sessions(connection, user.organisation_id, user.id, issuer)
    await add_to_trail(connection, changed, "user.password_changed", {}, actor)
    after = await sign_in.locked(connection, user.organisation_id, user.id)
    return await begin_session(connection, after or current, with_refresh_token=change.refresh_token)


async def _unchanged(connection: Connection, user: User) -> SignIn:
    """The user, locked, if the password that was verified is still theirs; raises `Conflict`."""
    current = await sign_in.locked(connection, user.organisation_id, user.id)
    if current is None or current.hindrance or current.has_other_password(user):
        raise Conflict("Your password was changed meanwhile. Sign in again.")
    return current
