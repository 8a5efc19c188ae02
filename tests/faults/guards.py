"""Guards of the product that a process can be started without, for the controls.

Each function takes one out as a careless change would; the test beside the control must then fail.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import shared.consumer
import shared.database
import shared.idempotency
import shared.outbox
import shared.relay
from shared.database import Connection

FOR_EVER = 3600.0
"""Seconds; longer than any test lives."""


def take_out(name: str) -> None:
    """Raises KeyError for a guard that is not known here."""
    GUARDS[name]()


def _without_outbox_transaction() -> None:
    """The event is written a moment after the commit, in a transaction of its own."""
    original, later = shared.outbox.add, set()

    async def add(connection: Connection, source: str, events: Sequence[Any]) -> None:
        later.add(asyncio.create_task(_add_later(original, connection, source, events)))

    shared.outbox.add = add


async def _add_later(add: Callable[..., Any], connection: Any, source: str, events: Sequence[Any]) -> None:
    await asyncio.sleep(0.05)
    async with connection._holder._pool.acquire() as own:
        await add(own, source, events)


def _without_confirm() -> None:
    """Rows are marked published as soon as they are claimed, in a transaction that is committed first."""
    original = shared.outbox.claim

    async def claim(connection: Connection, limit: int) -> Any:
        rows = await original(connection, limit)
        await shared.outbox.mark_published(connection, [row.id for row in rows])
        await connection.execute("COMMIT")
        await connection.execute("BEGIN")
        return rows

    shared.outbox.claim = claim


def _without_mandatory() -> None:
    """The broker may drop what it has no queue for."""

    async def publish(exchange: Any, row: Any) -> None:
        await _publish(exchange, shared.outbox.OutboxRow(row.id, row.event_id, row.routing_key, row.body, False))

    _publish, shared.relay._publish = shared.relay._publish, publish


def _without_ack_after_commit() -> None:
    """Messages are acknowledged when they arrive."""
    original = shared.consumer.Consumer._handle

    async def handle(self: Any, channel: Any, messages: Sequence[Any]) -> None:
        await messages[-1].ack(multiple=True)
        try:
            await original(self, channel, messages)
        except Exception as error:  # acknowledging twice is an error of the channel
            raise ConnectionResetError from error

    shared.consumer.Consumer._handle = handle  # type: ignore[method-assign]


def _without_dead_letters() -> None:
    """What cannot be applied goes back to the head of its queue."""

    async def requeue(self: Any, channel: Any, message: Any, error: Exception) -> None:
        raise ConnectionResetError(str(error))

    shared.consumer.Consumer._dead_letter = requeue  # type: ignore[method-assign]


def _without_version_check() -> None:
    """The last event that arrives wins, be it an old one."""
    import services.history.store as store

    _replace(store, "_SAVE_RECORDS", r"WHERE excluded\.version > records\.version", "")


def _without_idempotency() -> None:
    """Answers that were given are not found again."""

    async def find_answers(connection: Connection, claims: Sequence[Any]) -> list[None]:
        return [None] * len(claims)

    async def keep_answers(connection: Connection, answers: Sequence[Any]) -> None:
        return None

    shared.idempotency.find_answers = find_answers  # type: ignore[assignment]
    shared.idempotency.keep_answers = keep_answers


def _without_time_limits_of_the_database() -> None:
    """Statements may take for ever, as asyncpg has it by itself."""
    shared.database.COMMAND_TIMEOUT = FOR_EVER
    shared.database._SERVER_SETTINGS.update(statement_timeout="0", lock_timeout="0")


def _without_bound_of_the_wait_for_a_connection() -> None:
    """`acquire` has no time limit of its own."""
    shared.database.ACQUIRE_TIMEOUT = FOR_EVER


def _without_circuit() -> None:
    """However often a service fails, it is asked again."""
    import gateway.upstream

    vars(gateway.upstream)["FAILURES"] = 10**9


def _without_bulkheads() -> None:
    """One bulkhead for all the services together."""
    import gateway.bulkhead
    import gateway.upstream

    shared_one: list[gateway.bulkhead.Bulkhead] = []

    def bulkhead(*arguments: Any) -> Any:
        if not shared_one:
            shared_one.append(gateway.bulkhead.Bulkhead(*arguments))
        return shared_one[0]

    vars(gateway.upstream)["Bulkhead"] = bulkhead


def _without_orderly_end() -> None:
    """SIGTERM ends the process as it ends any other."""
    import signal

    import uvloop

    def run(main: Any) -> None:
        async def undisturbed() -> None:
            task = asyncio.ensure_future(main)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            await task

        asyncio.run(undisturbed())

    vars(uvloop)["run"] = run


def _replace(module: ModuleType, name: str, guard: str, instead: str) -> None:
    changed, count = re.subn(guard, instead, getattr(module, name))
    if count != 1:
        raise LookupError(f"{module.__name__}.{name} holds {guard!r} {count} times")
    setattr(module, name, changed)


GUARDS: dict[str, Callable[[], None]] = {
    "outbox transaction": _without_outbox_transaction,
    "confirm": _without_confirm,
    "mandatory": _without_mandatory,
    "acknowledge after commit": _without_ack_after_commit,
    "dead letters": _without_dead_letters,
    "version check": _without_version_check,
    "idempotency": _without_idempotency,
    "time limits of the database": _without_time_limits_of_the_database,
    "orderly end": _without_orderly_end,
    "circuit": _without_circuit,
    "bulkheads": _without_bulkheads,
    "bound of the wait for a connection": _without_bound_of_the_wait_for_a_connection,
}
