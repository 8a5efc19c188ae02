"""Tokens of many users, good for as long as the comparisons take."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jwt

from shared.auth.internal_token import API_ACCESS, ENROLL, MANAGE, RECORD, VIEW
from shared.auth.make_internal_keys import private_keys_file
from shared.auth.trust import GATEWAY, parse_internal_keys

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


def internal_tokens(sign: Sign, audience: str, organisation_id: int, count: int = USERS) -> list[str]:
    """As the gateway sends them to a service, but for their lifetime."""
    own = {"iss": GATEWAY, "aud": audience}
    return [sign(_claims(organisation_id, n) | own | {"jti": f"bench-{n:08}"}) for n in range(1, count + 1)]


def by_gateway(directory: Path) -> Sign:
    """With the gateway's key out of the directory of internal ones."""
    return parse_internal_keys(private_keys_file(directory, GATEWAY).read_text()).sign


def bearers(tokens: Sequence[str]) -> list[str]:
    return [f"Bearer {token}" for token in tokens]


def _client_token(sign: Sign, organisation_id: int, number: int) -> str:
    own = {"iss": "muster", "aud": "muster-api", "jti": f"bench-{number:08}", "rate_limit": RATE_LIMIT}
    return sign(_claims(organisation_id, number) | own)


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
