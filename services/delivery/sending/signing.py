"""Signatures of deliveries as Standard Webhooks has them: `v1`, HMAC of a secret, and `v1a`, Ed25519."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

PRIVATE_PREFIX: Final = "whsk_"
_SEED_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Keys:
    """`secrets` are the endpoint's own (`whsec_…`), two while a rotated one is valid; `private` is Ed25519's
    (`whsk_…`)."""

    secrets: Sequence[str] = field(repr=False)
    private: str = field(repr=False)


def headers(keys: Keys, message_id: str, timestamp: int, body: str) -> dict[str, str]:
    """What signs this body at this time, in seconds since 1970."""
    moment = datetime.fromtimestamp(timestamp, UTC)  # the package takes every time for UTC
    signatures = [Webhook(secret).sign(message_id, moment, body) for secret in keys.secrets]
    signatures.append(_asymmetric(keys.private, f"{message_id}.{timestamp}.{body}"))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def _asymmetric(private: str, content: str) -> str:
    """The seed comes first in either form of a private key, with the public half behind it and without."""
    seed = base64.b64decode(private.removeprefix(PRIVATE_PREFIX))[:_SEED_BYTES]
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(content.encode())
    return f"v1a,{base64.b64encode(signature).decode()}"
