"""The secrets in addresses of calendars: whoever has one reads the calendar, without a token (contract, section 12)."""

import hashlib
import re
import secrets
from typing import Final

_BYTES: Final = 32
"""Random ones, so that a plain hash of the secret tells nothing of it."""
PATTERN: Final = "[A-Za-z0-9_-]{43}"
_SECRET: Final = re.compile(PATTERN)


def new_secret() -> str:
    return secrets.token_urlsafe(_BYTES)


def is_secret(text: str) -> bool:
    """Whether it has the form of one."""
    return _SECRET.fullmatch(text) is not None


def digest(secret: str) -> str:
    """SHA-256 in hexadecimal: what is stored, and all that a service learns of a secret that a client asks by."""
    return hashlib.sha256(secret.encode()).hexdigest()
