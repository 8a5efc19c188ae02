"""Setting a password with the one-time link of an invitation."""

from services.accounts.errors import (
    InvitationExpired,
    InvitationReplaced,
    InvitationUnknown,
    InvitationUsed,
    UserDisabled,
)
from services.accounts.password_rules import check_new_password
from services.accounts.passwords import PasswordChecker, normal_password
from services.accounts.store import invitations as store
from services.accounts.store import users as user_store
from services.accounts.store.invitations import Link
from services.accounts.use_cases.users import add_to_trail
from services.accounts.users import User
from shared.observability import Trace
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection, Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION

_OVER = {"used": InvitationUsed, "expired": InvitationExpired, "replaced": InvitationReplaced}
"""By what has become of a link."""


async def set_password(
    pool: Pool, passwords: PasswordChecker, issuer: str, token: str, password: str, trace: Trace
) -> User:
    """The user of the link, who can sign in with this password; tokens that they had are refused.

    Raises `InvitationUnknown`, an error of `_OVER`, `UserDisabled`, `ValidationFailed` or `Overloaded`; then the link
    stays valid.
    """
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        link = await _valid_link(connection, token)
        user = _enabled(await user_store.with_id(connection, link.organisation_id, link.user_id))
    check_new_password("password", normal_password(password), user.name, user.email)
    password_hash = await passwords.hashed(password)  # it takes long, and so no transaction waits for it
    async with transaction(pool, [link.organisation_id]) as connection:
        _enabled(await user_store.lock(connection, link.organisation_id, link.user_id))
        await _valid_link(connection, token)
        await store.use(connection, token)
        user = await user_store.set_password(connection, link.organisation_id, link.user_id, password_hash)
        await user_store.end_sessions(connection, link.organisation_id, link.user_id, issuer)
        await add_to_trail(connection, user, "user.password_set", {}, Actor(str(user.id), user.name, trace))
    return user


async def _valid_link(connection: Connection, token: str) -> Link:
    link = await store.find(connection, token)
    if link is None:
        raise InvitationUnknown
    if link.over is not None:
        raise _OVER[link.over]
    return link


def _enabled(user: User | None) -> User:
    if user is None:
        raise InvitationUnknown
    if user.status == "disabled":
        raise UserDisabled
    return user
