"""Guessing of passwords and secrets is slowed down: `check` before one is verified, then `failed` or `succeeded`.

Attempts may overlap, so the budgets are looked at again when the outcome is known, one attempt after the other: of
those beyond the bound nobody learns whether they were right. An attempt that succeeds counts for nothing, however many
are under way. Budgets are in PostgreSQL, so that all processes count together.
"""

import hashlib
from dataclasses import dataclass

from services.accounts.budgets import Failures, refusal
from services.accounts.store import failures
from services.accounts.users import email_key
from shared.errors import RateLimited
from shared.postgres.pool import Connection
from shared.security_log import SecurityEvent, record


@dataclass(frozen=True, slots=True)
class Guess:
    """An attempt to sign in as an account, known or not, from a client's network address.

    `account` is a digest: what was typed is not kept.
    """

    account: bytes
    address: str


def of_user(email: str, address: str) -> Guess:
    return Guess(_digest("user", email_key(email)), address)


def of_client(client_id: str, address: str) -> Guess:
    return Guess(_digest("client", client_id), address)


async def check(connection: Connection, guess: Guess) -> None:
    """Whether the attempt may be verified; raises `RateLimited`."""
    _require_room(await failures.lately(connection, guess.account, guess.address), guess)


async def failed(connection: Connection, guess: Guess) -> None:
    """Counts the attempt, which was wrong.

    Raises `RateLimited` where others have used up the budget meanwhile; then it says nothing about the guess.
    """
    await _require_room_now(connection, guess)
    await failures.add(connection, guess.account, guess.address)


async def succeeded(connection: Connection, guess: Guess) -> None:
    """The attempt was right: its address is known to the account from now on. Raises `RateLimited` as `failed` does."""
    await _require_room_now(connection, guess)
    await failures.know(connection, guess.account, guess.address)


async def _require_room_now(connection: Connection, guess: Guess) -> None:
    await failures.lock(connection, guess.account, guess.address)
    _require_room(await failures.lately(connection, guess.account, guess.address), guess)


def _require_room(lately: Failures, guess: Guess) -> None:
    refused = refusal(lately)
    if refused is not None:
        record(SecurityEvent.RATE_LIMITED, reason=refused.reason, address=guess.address)
        raise RateLimited(refused.retry_after)


def _digest(kind: str, name: str) -> bytes:
    return hashlib.sha256(f"{kind}:{name}".encode()).digest()
