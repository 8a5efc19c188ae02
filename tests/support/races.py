"""Races made certain, for controls: rows are not locked, and calls are held until all stand at the same place."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

from shared.postgres.pool import Pool, connected

HELD_AT_MOST = 10.0
_LOCK = re.compile(r"\bFOR (?:NO KEY UPDATE|UPDATE|SHARE)(?: OF \w+)?")


def hold_after(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, parties: int) -> None:
    """None of the first `parties` calls of the function returns before all of them are done; later ones pass."""
    original = getattr(module, name)
    all_there = asyncio.Event()
    arrived = 0

    async def held(*arguments: Any, **options: Any) -> Any:
        nonlocal arrived
        result = await original(*arguments, **options)
        arrived += 1
        if arrived >= parties:
            all_there.set()
        await asyncio.wait_for(all_there.wait(), HELD_AT_MOST)
        return result

    monkeypatch.setattr(module, name, held)


def without_lock(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Has the function, whose first argument is a connection, lock no rows."""
    original = getattr(module, name)

    async def unlocked(connection: Any, *arguments: Any, **options: Any) -> Any:
        return await original(_NotLocking(connection), *arguments, **options)

    monkeypatch.setattr(module, name, unlocked)


async def waits_for_a_lock(pool: Pool, statements: int = 1) -> bool:
    """Whether so many statements in the pool's database wait for others' locks."""
    async with connected(pool) as connection:
        waiting: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    return waiting >= statements


class _NotLocking:
    """A connection whose next statement loses its lock."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(statement: str, *arguments: Any) -> Any:
            unlocked, locks = _LOCK.subn("", statement)
            assert locks, "this statement locks nothing: the control would prove nothing"
            return getattr(self._connection, method)(unlocked, *arguments)

        return call
