"""Deliveries of webhooks, for those who receive them: `verify` is between the network and whatever reads a body."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from muster.asking import model_of
from muster.errors import MusterError
from muster.event import Event

TOLERANCE_SECONDS: Final = 300.0
"""By how much a delivery's time may be off: a body that somebody kept is worth nothing later."""
_PREFIX: Final = "whsec_"


class WebhookRefused(MusterError):
    """A delivery that is not to be believed. Answer it with 401 and do nothing."""


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str | Iterable[str],
    *,
    tolerance: float = TOLERANCE_SECONDS,
    clock: Callable[[], float] = time.time,
) -> Event:
    """The event of a delivery that was signed with the webhook's secret, or with one of several (standardwebhooks.com).

    `body` has to be as it came, byte for byte; headers are found in any case. Raises `WebhookRefused`.
    """
    raw = body.encode() if isinstance(body, str) else body
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message, timestamp, signatures = (given[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as error:
        raise WebhookRefused(f"The delivery has no header {error.args[0]}.") from None
    _check_time(timestamp, tolerance, clock())
    secrets = [secret] if isinstance(secret, str) else list(secret)
    wanted = [_signature(each, f"{message}.{timestamp}.".encode() + raw) for each in secrets]
    found = [each.removeprefix("v1,").encode() for each in signatures.split(" ") if each.startswith("v1,")]
    fits = [hmac.compare_digest(one, other) for one in wanted for other in found]  # all of them, in equal time
    if not any(fits):
        raise WebhookRefused("No signature of the delivery fits: it is of somebody else, or the secret is another one.")
    try:
        data = json.loads(raw)
    except ValueError:
        raise WebhookRefused("The delivery is signed, and is no JSON.") from None
    return model_of(Event, data)


def _check_time(timestamp: str, tolerance: float, now: float) -> None:
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise WebhookRefused("The delivery's time is no number of seconds.")
    off = int(timestamp) - now
    if abs(off) > tolerance:
        side = "ahead of" if off > 0 else "behind"
        raise WebhookRefused(
            f"The delivery's time is {abs(off):.0f} s {side} this machine's clock: is the clock right?"
        )


def _signature(secret: str, content: bytes) -> bytes:
    try:
        key = base64.b64decode(secret.strip().removeprefix(_PREFIX), validate=True)
    except ValueError:
        raise ValueError("A secret of webhooks is like whsec_…, and this is not one.") from None
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
