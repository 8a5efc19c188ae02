"""When a key that signs tokens may take over, and when it may go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.accounts.errors import CommandRefused

PUBLISHING = timedelta(seconds=330)
"""Until whoever verifies tokens has read a new key: gateways within seconds, others may keep the key set for 300."""
LONGEST_TOKEN = timedelta(days=1)
"""The longest life of a token that a login or a program gets. Commands may make longer ones, and say so on the key."""

KeyState = Literal["signs", "published", "replaced", "retired"]
"""`published`: it has never signed here. `replaced`: it has signed before another key took over, and still verifies."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key as the database has it, without its private half.

    `tokens_until` is when the last token expires that a command made with it, or that came with it from elsewhere.
    """

    key_id: str
    algorithm: str
    created_at: datetime
    promoted_at: datetime | None
    retired_at: datetime | None
    tokens_until: datetime | None


class KeyUnknown(CommandRefused):
    """There is no such key."""


class TooSoon(CommandRefused):
    """The change would refuse valid tokens; says until when."""


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """A key among the others: what it does, and since when."""

    key: SigningKey
    state: KeyState
    since: datetime


def standing(keys: Sequence[SigningKey]) -> list[KeyStanding]:
    """The one that signs first, then the newest; those that were retired last."""
    listed = [KeyStanding(key, *_state(key, keys)) for key in keys]
    order: Sequence[KeyState] = ("signs", "published", "replaced", "retired")
    newest_first = sorted(listed, key=lambda each: each.since, reverse=True)
    return sorted(newest_first, key=lambda each: order.index(each.state))


def _state(key: SigningKey, keys: Sequence[SigningKey]) -> tuple[KeyState, datetime]:
    if key.retired_at is not None:
        return "retired", key.retired_at
    if key.promoted_at is None:
        return "published", key.created_at
    later = [each.promoted_at for each in keys if each.promoted_at is not None and each.promoted_at > key.promoted_at]
    return ("replaced", min(later)) if later else ("signs", key.promoted_at)


def found(keys: Sequence[SigningKey], key_id: str) -> KeyStanding:
    """The published key of this name; raises `KeyUnknown`."""
    for each in standing(keys):
        if each.key.key_id == key_id and each.state != "retired":
            return each
    raise KeyUnknown(f"there is no published key {key_id}; `keys list` shows all")


def require_promotable(standing: KeyStanding, now: datetime) -> None:
    """Raises `TooSoon` while somebody may not know the key, and would refuse tokens signed with it."""
    left = standing.key.created_at + PUBLISHING - now
    if left > timedelta(0):
        published = now - standing.key.created_at
        raise TooSoon(
            f"key {standing.key.key_id} was published {_seconds(published)} s ago, and not everybody may have read it"
            f" yet: promote it in {_seconds(left)} s, or at once with --now"
        )


def require_retirable(standing: KeyStanding, now: datetime, *, at_once: bool) -> None:
    """Raises `TooSoon` while the key signs, or while tokens signed with it may be valid; `at_once` allows these."""
    name = standing.key.key_id
    if standing.state == "signs":
        raise TooSoon(f"key {name} signs: promote another one first")
    left = tokens_until(standing, now) - now
    if left > timedelta(0) and not at_once:
        raise TooSoon(
            f"tokens signed with key {name} may be valid for another {_seconds(left)} s: retire it then, or at once"
            " with --now, which refuses those tokens"
        )


def tokens_until(standing: KeyStanding, now: datetime) -> datetime:
    """When the last token that the key has signed expires; now for one that has signed none."""
    signed = [standing.since + LONGEST_TOKEN] if standing.state == "replaced" else []
    known = [] if standing.key.tokens_until is None else [standing.key.tokens_until]
    return max([now, *signed, *known])


def _seconds(span: timedelta) -> int:
    """Rounded up, so that nobody comes too early."""
    return -(-span // timedelta(seconds=1))
