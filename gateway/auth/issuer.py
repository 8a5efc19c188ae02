"""The built-in issuer: turns an email address and a password into a token (contract, section 2)."""

import time
from dataclasses import dataclass
from typing import Any

from gateway.auth.issuer_keys import IssuerKeys
from gateway.auth.passwords import PasswordChecker
from gateway.auth.users import ROLES, User, Users
from shared.auth.internal_token import Caller, claims_of
from shared.auth.jwk import PrivateKeySet
from shared.auth.watched_file import WatchedFile
from shared.observability import new_uuid


def issue(
    keys: PrivateKeySet, caller: Caller, *, issuer: str, audience: str, ttl: int, rate_limit: int | None = None
) -> str:
    """A signed token, valid for `ttl` seconds; a negative `ttl` makes one that has expired.

    `rate_limit`: requests a minute; None: the gateway's default.
    """
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "iat": min(now, now + ttl),
        "exp": now + ttl,
        "jti": str(new_uuid()),
        **claims_of(caller),
    }
    if rate_limit is not None:
        claims["rate_limit"] = rate_limit
    return keys.sign(claims)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Knows the users and signs with the first of its keys; the token of a login is valid for `ttl` seconds."""

    keys: IssuerKeys
    users: WatchedFile[Users] | None
    passwords: PasswordChecker
    issuer: str
    audience: str
    ttl: int

    async def authenticate(self, email: str, password: str) -> User | None:
        """The user with this password; an unknown user and a wrong password look the same and take as long."""
        user = self.user_with(email)
        right = await self.passwords.is_right(password, user.password_hash if user else None)
        return user if right else None

    def user_with(self, email: str) -> User | None:
        return self.users.contents.with_email(email) if self.users else None

    def token_for(self, user: User) -> str:
        caller = Caller(
            user.organisation_id,
            str(user.id),
            user.name,
            "staff",
            ROLES[user.role],
            user.employee_id,
            user.company_ids,
        )
        return issue(self.keys.contents, caller, issuer=self.issuer, audience=self.audience, ttl=self.ttl)

    def user(self, subject: str, organisation_id: int) -> User | None:
        return self.users.contents.with_subject(subject, organisation_id) if self.users else None

    def published_keys(self) -> str:
        """The public key set, as JSON text."""
        return self.keys.contents.published()
