"""Issues internal tokens; the gateway and each service sign with their own key (decision 14)."""

import secrets
import time
from pathlib import Path

from shared.auth.internal_token import LIFETIME, Caller, claims_of
from shared.auth.key_changes import record_internal_keys
from shared.auth.trust import parse_internal_keys
from shared.auth.watched_file import WatchedFile


class InternalSigner:
    """Signs with the first key of a file that is read again when it changes, so keys rotate without a restart."""

    def __init__(self, issuer: str, path: Path) -> None:
        self._issuer = issuer
        self._file = WatchedFile(path, parse_internal_keys, record_internal_keys)

    def sign(self, caller: Caller, audience: str) -> str:
        """A token for the caller at the service `audience`, valid for `LIFETIME` seconds."""
        now = int(time.time())
        own = {
            "iss": self._issuer,
            "aud": audience,
            "jti": secrets.token_urlsafe(12),
            "iat": now,
            "exp": now + LIFETIME,
        }
        return self._file.contents.sign(own | claims_of(caller))
