"""Guessing of passwords and secrets is slowed down: `check` before one is verified, then `failed` or `succeeded`."""

from dataclasses import dataclass

from shared.postgres.pool import Connection


@dataclass(frozen=True, slots=True)
class Guess:
    """An attempt to sign in as an account, known or not, from a client's network address."""

    account: str
    address: str


def of_client(client_id: str, address: str) -> Guess:
    return Guess(f"client:{client_id}", address)


async def check(connection: Connection, guess: Guess) -> None:
    """Whether the attempt may be verified; raises `RateLimited`."""


async def failed(connection: Connection, guess: Guess) -> None:
    """Counts the attempt, which was wrong."""


async def succeeded(connection: Connection, guess: Guess) -> None:
    """The attempt was right."""
