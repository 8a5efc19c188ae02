"""Where the time of a request goes: its line in the log says so, if it was slow or failed."""

from contextvars import ContextVar
from time import perf_counter
from typing import Final, Literal

Part = Literal["body", "admission", "turn", "upstream", "pool", "database"]
"""`body`: until the client has sent it. At the gateway `admission` is the token and its limits, `turn` the wait for a
place at the service, and `upstream` what the service takes. In a service `pool` is the wait for a connection to the
database, and `database` what is done on one; reads that share a query count for it with their wait for each other."""

Spent = dict[Part, float]
"""Seconds."""

current_spent: ContextVar[Spent | None] = ContextVar("current_spent", default=None)
"""Of the request that is answered here. Work that many requests share belongs to none."""

_DIGITS: Final = 6


def spend(part: Part, since: float) -> None:
    """Adds what has passed `since` (`time.perf_counter`) to a part of the request that is answered."""
    spent = current_spent.get()
    if spent is not None:
        spent[part] = spent.get(part, 0.0) + perf_counter() - since


def in_seconds(spent: Spent) -> dict[str, float]:
    """To the microsecond."""
    return {part: round(seconds, _DIGITS) for part, seconds in spent.items()}
