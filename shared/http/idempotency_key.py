"""The `Idempotency-Key` of a request (contract, section 1)."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import ValidationFailed

_PRINTABLE = re.compile(r"[\x20-\x7e]{1,255}\Z")


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The key of one client on one route, with the digest of the body it came with."""

    organisation_id: int
    subject: str
    route: str
    value: str
    body_sha256: bytes


def read_key(values: Sequence[str]) -> str | None:
    """The key of the `Idempotency-Key` headers; raises `ValidationFailed` for a malformed one."""
    if not values:
        return None
    if len(values) > 1 or not _PRINTABLE.match(values[0]):
        raise ValidationFailed({"Idempotency-Key": ["Must be one header of 1 to 255 printable characters."]})
    return values[0]


def digest(body: Any) -> bytes:
    """The same for bodies that say the same, whatever the order of their members and the spaces between them."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).digest()
