"""Named places on the way of one enrollment where a process can be made to end at once."""

import functools
import importlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

ENROLL = "services.enrollment.use_cases.enroll"
SEATS = "services.enrollment.store.seats"
OUTBOX = "shared.messaging.outbox"
RELAY = "shared.messaging.relay"
CONSUMER = "shared.messaging.consumer"
IMPORT = "shared.imports.applying"
IMPORT_STORE = "shared.imports.work_store"
STANDINGS = "services.enrollment.use_cases.standings"
STANDINGS_STORE = "services.enrollment.store.standings"


@dataclass(frozen=True)
class CrashPoint:
    """Before or after a call of `attribute`; of one that is a transaction, before or after its commit."""

    name: str
    module: str
    attribute: str
    when: Literal["before", "after", "before its commit", "after its commit"]


REQUEST_POINTS = (
    CrashPoint("enroll: request taken", ENROLL, "enroll", "before"),
    CrashPoint("enroll: transaction begins", ENROLL, "_enroll_in_one_transaction", "before"),
    CrashPoint("enroll: sessions locked", SEATS, "lock_sessions", "after"),
    CrashPoint("enroll: rows written", SEATS, "insert_enrollments", "after"),
    CrashPoint("enroll: seats taken", SEATS, "take_seats", "after"),
    CrashPoint("enroll: event in the outbox", OUTBOX, "add", "after"),
    CrashPoint("enroll: before the commit", ENROLL, "transaction", "before its commit"),
    CrashPoint("enroll: after the commit", ENROLL, "transaction", "after its commit"),
    CrashPoint("enroll: before the answer", ENROLL, "enroll", "after"),
)
RELAY_POINTS = (
    CrashPoint("relay: rows claimed", OUTBOX, "lock_unpublished", "after"),
    CrashPoint("relay: about to publish", RELAY, "_publish", "before"),
    CrashPoint("relay: all confirmed", OUTBOX, "mark_published", "before"),
    CrashPoint("relay: marked", OUTBOX, "mark_published", "after"),
    CrashPoint("relay: after the commit", RELAY, "transaction", "after its commit"),
)
CONSUMER_POINTS = (
    CrashPoint("consumer: before the commit", CONSUMER, "transaction", "before its commit"),
    CrashPoint("consumer: after the commit", CONSUMER, "transaction", "after its commit"),
)
IMPORT_POINTS = (
    CrashPoint("import: claimed", IMPORT_STORE, "claim", "after"),
    CrashPoint("import: part read", IMPORT_STORE, "part", "after"),
    CrashPoint("import: lines applied", IMPORT_STORE, "advance", "before"),
    CrashPoint("import: progress stored", IMPORT_STORE, "advance", "after"),
    CrashPoint("import: before the commit", IMPORT, "transaction", "before its commit"),
    CrashPoint("import: after the commit", IMPORT, "transaction", "after its commit"),
    CrashPoint("import: missing rows found", IMPORT_STORE, "named_among", "after"),
    CrashPoint("import: rows ended", IMPORT_STORE, "add_removed", "before"),
    CrashPoint("import: finished", IMPORT_STORE, "finish", "after"),
)
"""Of a worker. A transaction is the work on a batch of lines."""
STANDINGS_POINTS = (
    CrashPoint("standings: organisations found", STANDINGS_STORE, "waiting", "after"),
    CrashPoint("standings: turn taken", STANDINGS_STORE, "take_turn", "after"),
    CrashPoint("standings: people taken", STANDINGS_STORE, "take_people", "after"),
    CrashPoint("standings: facts read", STANDINGS_STORE, "facts", "after"),
    CrashPoint("standings: rows written", STANDINGS_STORE, "save", "after"),
    CrashPoint("standings: events in the outbox", OUTBOX, "add", "after"),
    CrashPoint("standings: before the commit", STANDINGS, "transaction", "before its commit"),
    CrashPoint("standings: after the commit", STANDINGS, "transaction", "after its commit"),
)
"""Of a worker. A transaction is the search for organisations, or the look at some people of one."""
CRASH_POINTS = {
    point.name: point for point in (*REQUEST_POINTS, *RELAY_POINTS, *CONSUMER_POINTS, *IMPORT_POINTS, *STANDINGS_POINTS)
}


def arm(name: str, count: int, by: signal.Signals = signal.SIGKILL) -> None:
    """The `count`th time that this process comes to the point, it is killed there, or gets another signal."""
    point = CRASH_POINTS[name]
    module = importlib.import_module(point.module)
    original = getattr(module, point.attribute)
    everywhere = [module] if point.attribute == "transaction" else [module, *sys.modules.values()]
    countdown = _Countdown(count, by)
    if point.when.endswith("commit"):
        changed = _around_commit(original, countdown, before=point.when == "before its commit")
    else:
        changed = _around_call(original, countdown, before=point.when == "before")
    for holder in everywhere:
        # Whoever imported it by its name has it as well.
        if getattr(holder, point.attribute, None) is original:
            setattr(holder, point.attribute, changed)


class _Countdown:
    def __init__(self, count: int, by: signal.Signals) -> None:
        self._left = count
        self._by = by

    def step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._by)


def _around_call(call: Callable[..., Any], countdown: _Countdown, *, before: bool) -> Callable[..., Any]:
    @functools.wraps(call)
    async def changed(*arguments: Any, **named: Any) -> Any:
        if before:
            countdown.step()
        result = await call(*arguments, **named)
        if not before:
            countdown.step()
        return result

    return changed


def _around_commit(
    transaction: Callable[..., AbstractAsyncContextManager[Any]], countdown: _Countdown, *, before: bool
) -> Callable[..., AbstractAsyncContextManager[Any]]:
    @asynccontextmanager
    async def changed(*arguments: Any) -> AsyncIterator[Any]:
        async with transaction(*arguments) as connection:
            yield connection
            if before:
                countdown.step()
        if not before:
            countdown.step()

    return changed
