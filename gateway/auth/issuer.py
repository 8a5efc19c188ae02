"""The built-in issuer: turns an email address and a password into a token (contract, section 2)."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from gateway.auth.issuer_keys import IssuerKeys
from gateway.auth.passwords import PasswordChecker
from gateway.auth.users import ROLES, User, Users
from shared.auth.claims import UserType
from shared.auth.jwk import PrivateKeySet
from shared.auth.watched_file import WatchedFile
from shared.observability import new_uuid


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a token is issued to."""

    organisation_id: int
    id: str
    name: str
    user_type: UserType
    permissions: Collection[str]
    employee_id: int | None = None
    company_ids: Collection[int] = ()
    rate_limit: int | None = None
    """Requests a minute; None: the gateway's default."""


def issue(keys: PrivateKeySet, subject: Subject, *, issuer: str, audience: str, ttl: int) -> str:
    """A signed token, valid for `ttl` seconds; a negative `ttl` makes one that has expired."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "iat": min(now, now + ttl),
        "exp": now + ttl,
        "jti": str(new_uuid()),
        "sub": subject.id,
        "org": subject.organisation_id,
        "name": subject.name,
        "user_type": subject.user_type,
        "permissions": sorted(subject.permissions),
    }
    if subject.employee_id is not None:
        claims["employee_id"] = subject.employee_id
    if subject.company_ids:
        claims["company_ids"] = list(subject.company_ids)
    if subject.rate_limit is not None:
        claims["rate_limit"] = subject.rate_limit
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
        subject = Subject(
            user.organisation_id,
            str(user.id),
            user.name,
            "staff",
            ROLES[user.role],
            user.employee_id,
            user.company_ids,
        )
        return issue(self.keys.contents, subject, issuer=self.issuer, audience=self.audience, ttl=self.ttl)

    def user(self, subject: str, organisation_id: int) -> User | None:
        return self.users.contents.with_subject(subject, organisation_id) if self.users else None

    def published_keys(self) -> str:
        """The public key set, as JSON text."""
        return self.keys.contents.published()
