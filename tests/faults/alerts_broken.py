"""What is broken for the alerts, and how; each returns to what was there before."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Protocol

import aio_pika
import asyncpg
import psutil

from tests.faults.alerting import Break, Watched
from tests.faults.disruptions import broker_killed as _broker_killed
from tests.faults.disruptions import database_of
from tests.faults.disruptions import redis_killed as _redis_killed
from tests.faults.test_broker import unrouted
from tests.support import events
from tests.support.eventually import eventually
from tests.support.importing import people, people_file, send
from tests.support.requirements import ask_for_requirement
from tests.support.world import new_course

ANY = random.Random(0)
HISTORY = "/api/v1/employees/1/training"
CROWD = 16
SLOW = 0.6
"""Seconds that each piece on its way takes."""
REPORTED = 'muster_dead_letters{process="catalog"} > 0'
EVENTS = 8_000
"""More than QueueLong asks for, beside those that each of two processes has taken, of which the other one knows
nothing."""
HOARDED = 420
"""MiB."""
FIRST_ID = 2**41
"""Of people who are imported."""


class Freezable(Protocol):
    def freeze(self) -> None: ...

    def thaw(self) -> None: ...


@asynccontextmanager
async def again_and_again(deed: Callable[[], Awaitable[object]], pause: float = 0.0) -> AsyncIterator[None]:
    """While the block runs, whatever comes of it."""

    async def work() -> None:
        while True:
            with contextlib.suppress(Exception):
                await deed()
            await asyncio.sleep(pause)

    working = asyncio.create_task(work())
    try:
        yield
    finally:
        working.cancel()
        await asyncio.wait([working])


@asynccontextmanager
async def history_killed(watched: Watched) -> AsyncIterator[None]:
    for process in watched.bed.copies_of("history"):
        await process.kill()
    yield
    await asyncio.gather(*(process.revive() for process in watched.bed.copies_of("history")))


@asynccontextmanager
async def accounts_not_found(watched: Watched) -> AsyncIterator[None]:
    """Nobody has its addresses any more."""
    watched.hidden.add("accounts")
    watched.read_all()
    try:
        yield
    finally:
        watched.hidden.discard("accounts")
        watched.read_all()


@asynccontextmanager
async def restarted_again_and_again(watched: Watched) -> AsyncIterator[None]:
    _, second = watched.bed.copies_of("accounts")
    async with again_and_again(second.restart, pause=1.2):
        yield
    await second.revive()


@asynccontextmanager
async def redis_killed(watched: Watched) -> AsyncIterator[None]:
    async with _redis_killed(watched.bed, ANY):
        yield


@asynccontextmanager
async def broker_killed(watched: Watched) -> AsyncIterator[None]:
    """And a file of people imported meanwhile, whose events are those of the slower lane."""
    async with _broker_killed(watched.bed, ANY):
        await import_people(watched, 7305)
        yield


@asynccontextmanager
async def another_gateway(watched: Watched) -> AsyncIterator[None]:
    """Of another version, with much memory, and with hardly more descriptors than it has open."""
    async with watched.bed.another("gateway", HOARD=str(HOARDED), PRETENDED_VERSION="0.0.1") as process:
        watched.read_all()
        assert process.process is not None
        own = psutil.Process(process.process.pid)
        most = own.num_fds() + 8
        own.rlimit(psutil.RLIMIT_NOFILE, (most, most))
        yield
    watched.read_all()


@asynccontextmanager
async def poisoned(watched: Watched) -> AsyncIterator[None]:
    """Messages that no service can apply, one after the other."""
    async with await aio_pika.connect(watched.bed.servers.rabbitmq.url, timeout=5) as connection:
        channel = await connection.channel()
        publish = partial(channel.default_exchange.publish, aio_pika.Message(b"no JSON"), "muster.catalog")
        async with again_and_again(publish, pause=0.3):
            yield
        letters = await channel.get_queue("muster.catalog.dead-letters")

        async def nothing_left() -> bool:
            """What was poisoned last may not be there yet."""
            await letters.purge()
            return not await watched.prometheus.query(REPORTED)

        await eventually(nothing_left)


def statement_open(service: str, statement: str) -> Break:
    """A transaction stays open that has run it."""

    @asynccontextmanager
    async def opened(watched: Watched) -> AsyncIterator[None]:
        connection = await asyncpg.connect(database_of(watched.bed, service), timeout=5)
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(statement)
            yield
            await transaction.rollback()
        finally:
            await connection.close()

    return opened


transaction_left_open = statement_open("catalog", "SELECT pg_current_xact_id()")


@asynccontextmanager
async def receiver_refuses(watched: Watched) -> AsyncIterator[None]:
    receiver = watched.bed.receiver
    usual, receiver.faults = receiver.faults, {"refused": 1}
    try:
        yield
    finally:
        receiver.faults = usual


@asynccontextmanager
async def standing_still(what: Freezable, seconds: float, between: float) -> AsyncIterator[None]:
    """It stands still for so long, again and again: how long is the fault itself, and nothing is waited for."""

    async def halt() -> None:
        what.freeze()
        await asyncio.sleep(seconds)
        what.thaw()

    async with again_and_again(halt, pause=between):
        yield
    what.thaw()


@asynccontextmanager
async def broker_slow(watched: Watched) -> AsyncIterator[None]:
    """Nothing passes on the way to the broker; connections stay."""
    async with standing_still(watched.bed.broker_link, 1.5, between=0.3):
        yield


@asynccontextmanager
async def history_slow_and_wanted(watched: Watched) -> AsyncIterator[None]:
    """At a gateway that sends only a few requests at a time."""
    balancer = watched.bed.balancers["history"]
    async with watched.bed.another("gateway", UPSTREAM_MAX_IN_FLIGHT="4", UPSTREAM_MAX_WAITING="4") as process:
        watched.read_all()
        client = replace(watched.bed.client(7300), url=process.url)
        balancer.latency = SLOW
        async with contextlib.AsyncExitStack() as crowd:
            for _ in range(CROWD):
                await crowd.enter_async_context(again_and_again(partial(client.get, HISTORY), pause=0.3))
            yield
        balancer.latency = 0.0
    watched.read_all()


@asynccontextmanager
async def process_out_of_breath(watched: Watched) -> AsyncIterator[None]:
    """It stands still for over half a second, and runs for a fraction of one."""
    _, process = watched.bed.copies_of("catalog")
    async with standing_still(process, 0.6, between=0.15):
        yield


@asynccontextmanager
async def table_missing(watched: Watched) -> AsyncIterator[None]:
    """The database is not what `migrate` has made of it."""
    connection = await asyncpg.connect(database_of(watched.bed, "accounts"), timeout=5)
    client = watched.bed.client(7301)
    await connection.execute("ALTER TABLE clients RENAME TO clients_elsewhere")
    try:
        async with again_and_again(partial(client.get, "/api/v1/clients"), pause=0.1):
            yield
    finally:
        await connection.execute("ALTER TABLE clients_elsewhere RENAME TO clients")
        await connection.close()


@asynccontextmanager
async def events_without_a_queue(watched: Watched) -> AsyncIterator[None]:
    async with unrouted(watched.bed, "session.saved"):
        yield


@asynccontextmanager
async def history_locked(watched: Watched) -> AsyncIterator[None]:
    """Nobody reads or writes it, and many events arrive."""
    lock = statement_open("history", "LOCK TABLE records, people, courses IN ACCESS EXCLUSIVE MODE")
    async with lock(watched):
        await _fill("muster.history", watched)
        yield


@asynccontextmanager
async def courses_locked(watched: Watched) -> AsyncIterator[None]:
    """They can be read, and not written, which many want to."""
    lock = statement_open("catalog", "LOCK TABLE courses IN SHARE MODE")
    async with lock(watched), contextlib.AsyncExitStack() as crowd:
        for number in range(CROWD):
            client = watched.bed.client(7306 + number % 3, gateway=number % 2)
            await crowd.enter_async_context(again_and_again(partial(new_course, client), pause=0.05))
        yield


async def _fill(queue: str, watched: Watched) -> None:
    _, body = events.encoded(events.course(7303, 7), "catalog")
    async with await aio_pika.connect(watched.bed.servers.rabbitmq.url, timeout=5) as connection:
        channel = await connection.channel(publisher_confirms=False)
        message = aio_pika.Message(body.encode())
        for _ in range(EVENTS):
            await channel.default_exchange.publish(message, queue)


housekeeping_locked = statement_open("accounts", "LOCK TABLE idempotency_keys IN ACCESS EXCLUSIVE MODE")


@asynccontextmanager
async def people_locked(watched: Watched) -> AsyncIterator[None]:
    """They can be read and not changed, while a file of them is imported."""
    async with statement_open("enrollment", "LOCK TABLE people IN SHARE MODE")(watched):
        await import_people(watched, 7304)
        yield


async def import_people(watched: Watched, organisation: int) -> None:
    answer = await send(watched.bed.client(organisation), people_file(*people(range(FIRST_ID, FIRST_ID + 10))))
    assert answer.status == 202, answer.text


@asynccontextmanager
async def standings_locked(watched: Watched) -> AsyncIterator[None]:
    """They can be read and not changed, while one course more is asked of everybody."""
    [organisation, *_] = watched.scene
    async with statement_open("enrollment", "LOCK TABLE clearances IN SHARE MODE")(watched):
        client = watched.bed.client(organisation.id)
        answer = await ask_for_requirement(client, needs={"course_id": organisation.courses[-1]})
        assert answer.status == 201, answer.text
        yield


messages_locked = statement_open("delivery", "LOCK TABLE webhook_messages IN SHARE MODE")
