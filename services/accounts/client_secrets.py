"""Ids and secrets of programs. Secrets are random, so that a fast digest of them can be stored."""

import hashlib
import hmac
import secrets
from typing import Final

ID_PREFIX: Final = "muster_ci_"
SECRET_PREFIX: Final = "muster_cs_"  # noqa: S105 - by which scanners find secrets that were published by mistake
SECRET_BYTES: Final = 32
_NO_DIGEST: Final = b"\x00" * hashlib.sha256().digest_size
"""No secret has it."""


def new_client_id() -> str:
    return ID_PREFIX + secrets.token_hex(10)


def new_secret() -> str:
    """256 random bits. No character of it is changed by the form-encoding of RFC 6749, which many clients forget."""
    return SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def digest_of(secret: str) -> bytes:
    """What is stored of a secret: its SHA-256."""
    return hashlib.sha256(secret.encode()).digest()


def is_secret_of(presented: str, *digests: bytes | None) -> bool:
    """Whether it is a secret of one of the digests. Each takes the same time, whether right, wrong or None."""
    digest, found = digest_of(presented), False
    for stored in digests:
        found |= hmac.compare_digest(digest, stored or _NO_DIGEST) and stored is not None
    return found
