"""Tokens of many users, good for as long as the comparisons take."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import jwt

from shared.identity import API_ACCESS, AUDIENCE, ENROLL, ISSUER, MANAGE, RECORD, VIEW

ALGORITHM = "HS256"
LIFETIME = 24 * 3600
USERS = 500
RATE_LIMIT = 1_000_000
"""Requests a minute of one user, so that nobody is refused."""
PERMISSIONS = (API_ACCESS, VIEW, ENROLL, RECORD, MANAGE)


Sign = Callable[[dict[str, Any]], str]


def client_tokens(sign: Sign, organisation_id: int, count: int = USERS) -> list[str]:
    """As a company's own provider issues them (contract, section 2), each of another user."""
    return [_client_token(sign, organisation_id, number) for number in range(1, count + 1)]


def by_secret(secret: str) -> Sign:
    return lambda claims: jwt.encode(claims, secret, algorithm=ALGORITHM)


def internal_tokens(secret: str, organisation_id: int, count: int = USERS) -> list[str]:
    """As the gateway sends them to the services, but for their lifetime."""
    return [_internal_token(secret, organisation_id, number) for number in range(1, count + 1)]


def bearers(tokens: Sequence[str]) -> list[str]:
    return [f"Bearer {token}" for token in tokens]


def _client_token(sign: Sign, organisation_id: int, number: int) -> str:
    own = {"iss": "muster", "aud": "muster-api", "jti": f"bench-{number:08}", "rate_limit": RATE_LIMIT}
    return sign(_claims(organisation_id, number) | own)


def _internal_token(secret: str, organisation_id: int, number: int) -> str:
    return jwt.encode(_claims(organisation_id, number) | {"iss": ISSUER, "aud": AUDIENCE}, secret, algorithm=ALGORITHM)


def _claims(organisation_id: int, number: int) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iat": now,
        "exp": now + LIFETIME,
        "sub": f"user-{number}",
        "org": organisation_id,
        "name": f"User {number}",
        "user_type": "staff",
        "permissions": sorted(PERMISSIONS),
    }
