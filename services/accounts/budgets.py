"""How often one may guess a password or a secret, as rules: failed attempts alone count (contract, section 7).

ASVS 4.0.3, 2.2.1 asks for at most 100 failed attempts an hour on one account, and that nobody can lock its owner out.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final, Literal

FREE: Final = 10
"""Failures of an account from one address that cost nothing."""
FIRST_WAIT: Final = timedelta(seconds=10)
"""After the last of these; each further failure doubles the wait."""
LONGEST_WAIT: Final = timedelta(minutes=15)
PAIR_WINDOW: Final = timedelta(days=1)
OF_ACCOUNT: Final = 100
"""Failures of an account from all addresses, in its window."""
ACCOUNT_WINDOW: Final = timedelta(hours=1)
OF_ADDRESS: Final = 60
"""Failures from an address with all accounts, in its window."""
ADDRESS_WINDOW: Final = timedelta(minutes=1)

Reason = Literal["login_user", "login_account", "login_address"]


@dataclass(frozen=True, slots=True)
class Failures:
    """What has failed until `now`. The pair is an account at one address.

    `of_pair` counts those in `PAIR_WINDOW` since the account last signed in from there, the last of them at
    `last_of_pair`; `is_known` says whether it ever has. `full_account_since` is when the `OF_ACCOUNT`-th latest failure
    of the account happened, if that is in its window, and so for the address.
    """

    now: datetime
    of_pair: int
    last_of_pair: datetime | None
    is_known: bool
    full_account_since: datetime | None
    full_address_since: datetime | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """`retry_after` is in whole seconds."""

    reason: Reason
    retry_after: int


def refusal(failures: Failures) -> Refusal | None:
    """Why the next attempt has to wait, and until when: for the budget that takes longest."""
    waits: list[tuple[timedelta, Reason]] = [(_left_of_pair(failures), "login_user")]
    if not failures.is_known:
        waits.append((_left(failures.now, failures.full_account_since, ACCOUNT_WINDOW), "login_account"))
    waits.append((_left(failures.now, failures.full_address_since, ADDRESS_WINDOW), "login_address"))
    left, reason = max(waits, key=lambda wait: wait[0])
    return Refusal(reason, ceil(left.total_seconds())) if left > timedelta(0) else None


def wait_after(failures: int) -> timedelta:
    """How long an account waits at an address after so many failures there."""
    if failures < FREE:
        return timedelta(0)
    doublings = min(failures - FREE, 20)  # past the longest wait in any case
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def _left_of_pair(failures: Failures) -> timedelta:
    return _left(failures.now, failures.last_of_pair, wait_after(failures.of_pair))


def _left(now: datetime, since: datetime | None, length: timedelta) -> timedelta:
    return timedelta(0) if since is None else max(timedelta(0), since + length - now)
