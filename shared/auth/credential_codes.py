"""The codes in addresses of credentials: whoever has one sees what the credential says (contract, section 13)."""

import base64
import hashlib
import secrets
from typing import Final

_BYTES: Final = 16
"""Random ones: 128 bits, which nobody finds by trying."""
PATTERN: Final = "[a-z2-7]{26}"


def new_code() -> str:
    """Base32 in lower case (RFC 4648): a code can be read out and typed."""
    return base64.b32encode(secrets.token_bytes(_BYTES)).decode().rstrip("=").lower()


def digest(code: str) -> str:
    """SHA-256 in hexadecimal, of a code in capitals too: all that a service learns of what a client asks by."""
    return hashlib.sha256(code.lower().encode()).hexdigest()
