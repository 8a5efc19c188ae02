"""Guards of the product that a process can be started without, for the controls.

Each function takes one out as a careless change would; the test beside the control must then fail.
"""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import shared.concurrency.batcher
import shared.concurrency.fair_semaphore
import shared.events.cloudevents
import shared.messaging.consumer
import shared.messaging.outbox
import shared.messaging.relay
import shared.postgres.batched_reads
import shared.postgres.pool
import shared.service.idempotency
from shared.errors import Unavailable
from shared.messaging.errors import BrokerUnavailable
from shared.postgres.batched_reads import Statement
from shared.postgres.pool import Connection

FOR_EVER = 3600.0
"""Seconds; longer than any test lives."""


def take_out(name: str) -> None:
    """Raises KeyError for a guard that is not known here."""
    GUARDS[name]()


def _without_outbox_transaction() -> None:
    """The event is written a moment after the commit, in a transaction of its own."""
    original, later = shared.messaging.outbox.add, set()

    async def add(connection: Connection, source: str, events: Sequence[Any], trail: Sequence[Any] = ()) -> None:
        later.add(asyncio.create_task(_add_later(original, connection, source, events, trail)))

    shared.messaging.outbox.add = add


async def _add_later(add: Callable[..., Any], connection: Any, *what: Any) -> None:
    await asyncio.sleep(0.05)
    async with connection._holder._pool.acquire() as own:
        await add(own, *what)


def _without_confirm() -> None:
    """Rows are marked published as soon as they are locked, in a transaction that is committed first."""
    original = shared.messaging.outbox.lock_unpublished

    async def lock_unpublished(connection: Connection, limit: int, *, bulk: bool = False) -> Any:
        rows = await original(connection, limit, bulk=bulk)
        await shared.messaging.outbox.mark_published(connection, [row.id for row in rows])
        await connection.execute("COMMIT")
        await connection.execute("BEGIN")
        return rows

    shared.messaging.outbox.lock_unpublished = lock_unpublished


def _without_mandatory() -> None:
    """The broker may drop what it has no queue for."""

    async def publish(publisher: Any, rows: Sequence[Any]) -> Any:
        return await _publish(publisher, [replace(row, must_route=False) for row in rows])

    _publish, shared.messaging.relay._publish = shared.messaging.relay._publish, publish


def _without_ack_after_commit() -> None:
    """Messages are acknowledged when they are taken, and never again."""
    original, later = shared.messaging.consumer.Consumer._gathered, set()

    def gathered(self: Any, batch: Any, arrived: Any) -> Any:
        events = original(self, batch, arrived)
        later.add(asyncio.create_task(batch.last.acknowledge_all()))
        batch.last = SimpleNamespace(acknowledge_all=_nothing)
        return events

    shared.messaging.consumer.Consumer._gathered = gathered  # type: ignore[method-assign]


async def _nothing() -> None:
    pass


def _without_dead_letters() -> None:
    """What cannot be applied is tried again for ever, or goes back to the head of its queue."""
    original = shared.messaging.consumer.Consumer._gathered

    def gathered(self: Any, batch: Any, arrived: Any) -> Any:
        events = original(self, batch, arrived)
        if batch.invalid:
            raise Unavailable(repr(batch.invalid))
        return events

    async def requeue(self: Any, channel: Any, delivery: Any, error: Exception) -> None:
        raise BrokerUnavailable(str(error))

    shared.messaging.consumer.Consumer._gathered = gathered  # type: ignore[method-assign]
    shared.messaging.consumer.Consumer._dead_letter = requeue  # type: ignore[method-assign]


def _without_version_check() -> None:
    """The last event that arrives wins, be it an old one."""
    import services.history.store.copies as store

    _replace(store, "_SAVE_RECORDS", r"WHERE excluded\.version > records\.version", "")


def _without_idempotency() -> None:
    """Answers that were given are not found again."""

    async def find_answers(connection: Connection, claims: Sequence[Any]) -> list[None]:
        return [None] * len(claims)

    async def keep_answers(connection: Connection, answers: Sequence[Any]) -> None:
        return None

    shared.service.idempotency.find_answers = find_answers  # type: ignore[assignment]
    shared.service.idempotency.keep_answers = keep_answers


def _without_commits_on_disk() -> None:
    """A commit counts before it is written, as PostgreSQL offers it to those who want speed."""
    shared.postgres.pool.SERVER_SETTINGS["synchronous_commit"] = "off"


def _without_time_limits_of_the_database() -> None:
    """Statements may take for ever, as asyncpg has it by itself."""
    shared.postgres.pool.COMMAND_TIMEOUT = FOR_EVER
    shared.postgres.pool.SERVER_SETTINGS.update(statement_timeout="0", lock_timeout="0")


def _without_bound_of_the_wait_for_a_connection() -> None:
    """Who waits goes on waiting, whether or not those before get on."""
    shared.postgres.pool.ACQUIRE_TIMEOUT = FOR_EVER
    vars(shared.postgres.pool)["STALLED_CHECKS"] = 10**9
    vars(shared.postgres.batched_reads)["MAX_WAIT_SECONDS"] = FOR_EVER


def _without_circuit() -> None:
    """However often a service fails, it is asked again."""
    import gateway.upstream.upstream

    vars(gateway.upstream.upstream)["FAILURES"] = 10**9


def _without_bulkheads() -> None:
    """One bulkhead for all the services together."""
    import gateway.upstream.bulkhead
    import gateway.upstream.upstream

    shared_one: list[gateway.upstream.bulkhead.Bulkhead] = []

    def bulkhead(*arguments: Any) -> Any:
        if not shared_one:
            shared_one.append(gateway.upstream.bulkhead.Bulkhead(*arguments))
        return shared_one[0]

    vars(gateway.upstream.upstream)["Bulkhead"] = bulkhead


def _without_fairness() -> None:
    """All requests are one organisation's, and searches may have every connection."""
    from gateway.upstream.bulkhead import Bulkhead
    from gateway.upstream.proxy import Proxy

    admits, has_arrived = Bulkhead.admits, Bulkhead.has_arrived
    Bulkhead.admits = lambda self, _: admits(self)  # type: ignore[method-assign,assignment,misc]
    Bulkhead.has_arrived = lambda self, _: has_arrived(self)  # type: ignore[method-assign,assignment,misc]

    async def forward(self: Any, name: Any, request: Any, _: Any) -> Any:
        return await _forward(self, name, request, None)

    _forward, Proxy.forward = Proxy.forward, forward  # type: ignore[method-assign,assignment]
    for module in (shared.concurrency.batcher, shared.postgres.pool):
        vars(module)["current_organisation"] = SimpleNamespace(get=lambda: None)
    shared.postgres.pool.slow_permits = lambda size: shared.concurrency.fair_semaphore.FairSemaphore(size, size)


def _without_load_shedding() -> None:
    """Everybody is admitted."""
    import gateway.upstream.load_shedding

    gateway.upstream.load_shedding.Overload.refuses = lambda *_: False  # type: ignore[method-assign]


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


def _without_limits_without_redis() -> None:
    """The classic mistake: while nobody counts for all of them, every process refuses everybody."""
    import gateway.admission.rate_limiter
    from gateway.admission.sliding_window import Decision, Window

    def count(self: gateway.admission.rate_limiter.LocalWindows, hit: gateway.admission.rate_limiter.Hit) -> Decision:
        now = gateway.admission.rate_limiter._now()
        return Decision(False, hit.limit, Window(now, hit.limit, 0), now)

    gateway.admission.rate_limiter.LocalWindows.count = count  # type: ignore[method-assign]


def _without_known_revocations() -> None:
    """Only Redis knows."""
    import gateway.admission.revocation

    def remember(self: gateway.admission.revocation.Revocations, token_id: str, expires_at: int) -> None:
        return None

    gateway.admission.revocation.Revocations.remember = remember  # type: ignore[method-assign]


def _without_last_good_keys() -> None:
    """A provider that cannot be read has no keys."""
    import gateway.auth.remote_jwks

    original = gateway.auth.remote_jwks.RemoteKeySet._download

    async def download(self: Any, url: str) -> bytes:
        self.keys = {}
        return await original(self, url)

    gateway.auth.remote_jwks.RemoteKeySet._download = download  # type: ignore[method-assign]


def _without_cooldown() -> None:
    """The provider is asked for every key that is not known."""
    import gateway.auth.remote_jwks

    gateway.auth.remote_jwks.RemoteKeySet._cooldown_left = lambda self: 0.0  # type: ignore[method-assign]


def _without_bound_of_leeway() -> None:
    """Ten minutes, so that no clock is ever wrong."""
    import gateway.auth.client_token
    import shared.auth.internal_token

    for module in (gateway.auth.client_token, shared.auth.internal_token):
        vars(module)["LEEWAY"] = 600


def _without_clock_of_redis() -> None:
    """Limits go by the clock of the gateway, as it was at its start."""
    import gateway.admission.rate_limiter

    own = gateway.admission.rate_limiter._SCRIPT.read_text(encoding="utf-8").replace(
        "redis.call('TIME')", f"{{{time.time()}, 0}}"
    )
    vars(gateway.admission.rate_limiter)["_SCRIPT"] = SimpleNamespace(read_text=lambda encoding: own)


def _without_clock_of_the_database() -> None:
    """Rows and events have the time of the process, as it was at its start."""
    import services.enrollment.store.people as people
    import services.enrollment.store.seats as seats

    for module, name in ((people, "_SAVE_PEOPLE"), (seats, "_INSERT_ENROLLMENTS"), (shared.messaging.outbox, "_ADD")):
        _replace(module, name, r"now\(\)", f"to_timestamp({time.time()})")


def _without_names_of_event_fields() -> None:
    """A careless new version: it writes and reads `person_id` where the released one asks for `employee_id`."""
    encode, decode = shared.events.cloudevents.encode, shared.events.cloudevents.decode

    def careless_encode(*arguments: Any) -> Any:
        event_id, body = encode(*arguments)
        return event_id, body.replace('"employee_id":', '"person_id":')

    vars(shared.messaging.outbox)["encode"] = careless_encode
    vars(shared.messaging.consumer)["decode"] = lambda body: decode(body.replace(b'"person_id":', b'"employee_id":'))


def _without_counts_of_values() -> None:
    """Bodies are read as they come: any number of values, and each member that nobody knows has an error of its own."""
    import gateway.edge.public_routes
    import shared.http.body
    import shared.http.input
    import shared.http.models
    import shared.http.routing
    import shared.validation.strict_json

    vars(shared.validation.strict_json)["_check_counts"] = lambda *_: None
    vars(shared.http.input)["known_members"] = lambda _, members, __: members
    vars(gateway.edge.public_routes)["MAX_BODY"] = shared.http.models.MAX_BODY_BYTES
    vars(shared.http.routing)["read_model"] = lambda request, model, _: shared.http.body.read_model(request, model)


def _without_event_ids() -> None:
    """Whatever arrives is taken into the feed, also what is there already."""
    import services.delivery.store.feed as feed

    _replace(feed, "_TAKE", r"FROM arrived JOIN fresh USING \(organisation_id, event_id\)", "FROM arrived")


def _without_horizon() -> None:
    """The feed shows what is committed, whether or not something may still come before it."""
    import services.delivery.store.feed as feed

    for name, value in tuple(vars(feed).items()):
        if isinstance(value, Statement) and "pg_snapshot_xmin" in value.text:
            setattr(feed, name, replace(value, text=value.text.replace("pg_snapshot_xmin", "pg_snapshot_xmax")))


def _without_claims() -> None:
    """Whoever looks for messages to webhooks takes all that are due, also those that are being sent."""
    import services.delivery.store.sending as sending

    vars(sending)["CLAIM"] = timedelta(0)


def _without_tries() -> None:
    """A message to a webhook counts as delivered, whatever came of the request."""
    import services.delivery.sending.schedule as schedule

    vars(schedule)["is_success"] = lambda _: True


def _replace(module: ModuleType, name: str, guard: str, instead: str) -> None:
    changed, count = re.subn(guard, instead, getattr(module, name))
    if count != 1:
        raise LookupError(f"{module.__name__}.{name} holds {guard!r} {count} times")
    setattr(module, name, changed)


def _without_budget_of_bodies() -> None:
    from shared.http.body_budget import Account

    Account.take = Account.give_back = lambda *_: None  # type: ignore[method-assign]


GUARDS: dict[str, Callable[[], None]] = {
    "outbox transaction": _without_outbox_transaction,
    "confirm": _without_confirm,
    "mandatory": _without_mandatory,
    "acknowledge after commit": _without_ack_after_commit,
    "dead letters": _without_dead_letters,
    "version check": _without_version_check,
    "idempotency": _without_idempotency,
    "commits on disk": _without_commits_on_disk,
    "time limits of the database": _without_time_limits_of_the_database,
    "load shedding": _without_load_shedding,
    "fairness": _without_fairness,
    "orderly end": _without_orderly_end,
    "circuit": _without_circuit,
    "bulkheads": _without_bulkheads,
    "bound of the wait for a connection": _without_bound_of_the_wait_for_a_connection,
    "limits without Redis": _without_limits_without_redis,
    "known revocations": _without_known_revocations,
    "last good keys": _without_last_good_keys,
    "cooldown": _without_cooldown,
    "bound of leeway": _without_bound_of_leeway,
    "clock of Redis": _without_clock_of_redis,
    "clock of the database": _without_clock_of_the_database,
    "counts of values": _without_counts_of_values,
    "budget of bodies": _without_budget_of_bodies,
    "names of event fields": _without_names_of_event_fields,
    "event ids": _without_event_ids,
    "horizon": _without_horizon,
    "claims": _without_claims,
    "tries": _without_tries,
}
