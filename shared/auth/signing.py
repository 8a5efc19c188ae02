"""Issues internal tokens; the gateway and each service sign with their own key (decision 14)."""

import logging
import secrets
import time
from pathlib import Path
from typing import Any, Protocol

import jwt
from pydantic import SecretStr

from shared.auth.internal_token import LIFETIME, Caller
from shared.auth.key_changes import record_internal_keys
from shared.auth.previous_tokens import ALGORITHM, previous_claims
from shared.auth.trust import parse_internal_keys
from shared.auth.watched_file import WatchedFile

log = logging.getLogger(__name__)


class InternalSigner(Protocol):
    """Issues internal tokens."""

    def sign(self, caller: Caller, audience: str) -> str:
        """A token for the caller at the service `audience`, valid for `LIFETIME` seconds."""


class KeySigner:
    """Signs with the first key of a file that is read again when it changes, so keys rotate without a restart."""

    def __init__(self, issuer: str, path: Path) -> None:
        self._issuer = issuer
        self._file = WatchedFile(path, parse_internal_keys, record_internal_keys)

    def sign(self, caller: Caller, audience: str) -> str:
        own = {"iss": self._issuer, "aud": audience, "jti": secrets.token_urlsafe(12)}
        return self._file.contents.sign(own | _claims(caller))


class SharedSecretSigner:
    """Signs in the form of the previous version (`shared.auth.previous_tokens`)."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def sign(self, caller: Caller, audience: str) -> str:
        return jwt.encode(previous_claims(_claims(caller)), self._secret, algorithm=ALGORITHM)


def _claims(caller: Caller) -> dict[str, Any]:
    now = int(time.time())
    claims: dict[str, Any] = {
        "iat": now,
        "exp": now + LIFETIME,
        "sub": caller.subject,
        "org": caller.organisation_id,
        "name": caller.name,
        "user_type": caller.user_type,
        "permissions": sorted(caller.permissions),
    }
    if caller.employee_id is not None:
        claims["employee_id"] = caller.employee_id
    return claims


def internal_signer(issuer: str, keys_file: Path | None, secret: SecretStr | None) -> InternalSigner:
    """A signer with the process's own key or, without one, with the previous version's shared secret.

    Raises `ValueError` if there is neither.
    """
    if keys_file is not None:
        return KeySigner(issuer, keys_file)
    if secret is None:
        raise ValueError("neither INTERNAL_KEYS_FILE nor INTERNAL_TOKEN_SECRET is set")
    log.warning("INTERNAL_KEYS_FILE is not set: internal tokens are signed with the secret that all processes share")
    return SharedSecretSigner(secret.get_secret_value())
