"""Waiting for the answers that clients get."""

from collections.abc import Callable

from tests.faults.ledger import Attempt, Ledger
from tests.support.eventually import eventually


async def acknowledged(ledger: Ledger, writes: int) -> None:
    """Returns once clients have got answers about so many more new rows."""
    await _more(ledger, writes, lambda attempt: attempt.status == 201)


async def answers(ledger: Ledger, status: int, count: int, *, of: str = "") -> None:
    """Returns once so many more requests, to the service if one is named, have got this status."""
    await _more(ledger, count, lambda attempt: attempt.status == status and attempt.service.startswith(of))


async def _more(ledger: Ledger, count: int, fits: Callable[[Attempt], bool]) -> None:
    begin = len(ledger.attempts)

    async def enough() -> bool:
        return sum(map(fits, ledger.attempts[begin:])) >= count

    await eventually(enough)
