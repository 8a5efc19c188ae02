"""When a message is tried again, and when its endpoint is given up. Pure rules (contract, section 9)."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Literal

PAUSES: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Before the second try and each one after it: more than three days together."""
MOST_TRIES: Final = len(PAUSES) + 1
JITTER: Final = 0.1
"""The part of a pause that is added at most. None is shortened: an endpoint that was down for three days gets all."""
LONGEST_RETRY_AFTER: Final = timedelta(hours=24)
FAILING_FOR: Final = timedelta(days=5)
"""After so much time with failures alone an endpoint is disabled."""
_SECONDS: Final = re.compile(r"[0-9]{1,10}\Z")

DisabledReason = Literal["gone", "failing"]


def is_success(status: int | None) -> bool:
    return status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def pause_after(tries: int, retry_after: timedelta, chance: float) -> timedelta | None:
    """The time from the end of a failed try to the next, None after the last; `tries` have been made.

    `retry_after` is what the endpoint asked for at least, and `chance`, from 0 to 1, spreads what failed together.
    """
    if tries >= MOST_TRIES:
        return None
    return max(PAUSES[tries - 1], retry_after) * (1 + JITTER * chance)


def retry_after(header: str | None, now: datetime) -> timedelta:
    """What `Retry-After` asks for (RFC 9110, section 10.2.3), at most `LONGEST_RETRY_AFTER`; zero if invalid."""
    asked = _asked(header.strip(), now) if header else timedelta()
    return min(max(asked, timedelta()), LONGEST_RETRY_AFTER)


def _asked(header: str, now: datetime) -> timedelta:
    if _SECONDS.match(header):
        return timedelta(seconds=int(header))
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):  # a year of twenty digits
        return timedelta()
    return moment.replace(tzinfo=moment.tzinfo or UTC) - now


def reason_to_disable(failing_since: datetime, now: datetime, *, gone: bool) -> DisabledReason | None:
    """Of an endpoint that has just failed; `gone` where it answered 410."""
    if gone:
        return "gone"
    return "failing" if now - failing_since >= FAILING_FOR else None
