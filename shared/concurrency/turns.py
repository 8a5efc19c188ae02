"""Work on many items in a process that answers others meanwhile."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE: Final = 50
"""Items of one turn of the event loop: a millisecond or two of those that are imported."""


async def in_turns(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The function's results in the order of the items.

    Others get their turn after each `AT_ONCE`, so that nobody waits for all of them.
    """
    results: list[R] = []
    for number, item in enumerate(items):
        if number and number % AT_ONCE == 0:
            await asyncio.sleep(0)
        results.append(function(item))
    return results
