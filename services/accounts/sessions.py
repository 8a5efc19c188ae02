"""What comes of signing in: a user as tokens speak for them, and the refresh token that keeps them signed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.accounts.settings import AccountsSettings
from services.accounts.tokens import access_token, caller_of_user
from services.accounts.users import User

REFRESH_LIFETIME: Final = timedelta(days=30)
"""Of each refresh token; whoever stays away for longer signs in again."""
GRACE: Final = timedelta(seconds=10)
"""For which a refresh token that was just used may come again: two tabs, or an answer that was lost."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A user as they were at `now`, whole seconds of the database's clock, by which tokens are cut off."""

    user: User
    is_suspended: bool
    """Their organisation."""
    now: int

    @property
    def hindrance(self) -> str:
        """Why they cannot sign in, whatever the password; empty where they can."""
        if self.user.status != "active":
            return "disabled_user" if self.user.status == "disabled" else "no_password"
        return "suspended_organisation" if self.is_suspended else ""

    def has_other_password(self, before: User) -> bool:
        """Than the same user before; the same one may have got a new hash meanwhile, which is no new version."""
        return self.user.password_hash != before.password_hash and self.user.version != before.version


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A refresh token as it was at `now`. `successor_used` says whether one that followed it has been used."""

    family: UUID
    expires_at: datetime
    used_at: datetime | None
    ended_at: datetime | None
    now: datetime
    successor_used: bool

    @property
    def is_good(self) -> bool:
        return self.used_at is None and self.ended_at is None and self.now < self.expires_at

    @property
    def is_stolen(self) -> bool:
        """Whether two hold it: it was used, and comes again although its user has had the answer."""
        if self.used_at is None or self.ended_at is not None:
            return False
        return self.successor_used or self.now >= self.used_at + GRACE


@dataclass(frozen=True, slots=True)
class Session:
    """A user who has just proved who they are.

    `issued_at` is that of their access token; with a `refresh_token` the `family` that it belongs to.
    """

    user: User
    issued_at: int
    refresh_token: str | None = None
    family: UUID | None = None


def session_claims(session: Session, settings: AccountsSettings) -> dict[str, Any]:
    """The claims of the session's access token; `sid` names what a logout ends."""
    family: dict[str, Any] = {} if session.family is None else {"sid": str(session.family)}
    return access_token(
        caller_of_user(session.user),
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        now=session.issued_at,
        ttl=settings.login_token_ttl,
        not_before=session.user.cut_off_at,
        **family,
    )
