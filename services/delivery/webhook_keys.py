"""What signs a webhook's deliveries, in the form of Standard Webhooks."""

import base64
import secrets
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Ed25519: `private` is `whsk_` and the seed with the public half behind it, `public` is `whpk_` and that half."""

    private: str = field(repr=False)
    public: str


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64."""
    return f"whsec_{_base64(secrets.token_bytes(_SECRET_BYTES))}"


def new_signing_key() -> SigningKey:
    """One for each webhook: what signs for one proves nothing at another."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    return SigningKey(f"whsk_{_base64(key.private_bytes_raw() + public)}", f"whpk_{_base64(public)}")


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
