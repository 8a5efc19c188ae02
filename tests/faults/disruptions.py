"""Everything that is broken on purpose, and how each is repaired, by name."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aio_pika
import asyncpg
import redis.asyncio

from stack.services import SERVICE_NAMES
from tests.faults.bed import Bed
from tests.faults.observer import QUEUE
from tests.faults.processes import ProductProcess

Disruption = Callable[[Bed, random.Random], AbstractAsyncContextManager[None]]
"""Broken when the block begins, repaired when it has ended."""

LOCKED_TABLES = {
    "catalog": ("sessions", "outbox"),
    "enrollment": ("sessions", "enrollments", "outbox"),
    "accounts": ("users", "outbox"),
    "delivery": ("events", "event_ids", "webhook_messages", "webhook_attempts"),
    "history": ("records", "people"),
}
ALL_OF_IT, USUALLY_FREE = 10**15, 50_000_000
"""Bytes that must be free: more than any disk has, and RabbitMQ's usual limit."""
REPUBLISHED = 200
"""Events at most; each goes out three times more."""
POISON = (b"no JSON", b'{"specversion": "1.0"}', b"\xff\xfe", b"[" * 10_000, b"{}")


@asynccontextmanager
async def gateway_killed(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    async with _killed(choice.choice(bed.gateways)):
        yield


@asynccontextmanager
async def gateway_frozen(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    async with _frozen(choice.choice(bed.gateways)):
        yield


@asynccontextmanager
async def service_process_killed(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    """One of a service's two."""
    async with _killed(choice.choice(bed.copies_of(choice.choice(SERVICE_NAMES)))):
        yield


@asynccontextmanager
async def service_killed(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    """Both of its processes."""
    first, second = bed.copies_of(choice.choice(SERVICE_NAMES))
    async with _killed(first), _killed(second):
        yield


@asynccontextmanager
async def service_process_frozen(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    """One of a service's two: half of its connections hang."""
    async with _frozen(choice.choice(bed.copies_of(choice.choice(SERVICE_NAMES)))):
        yield


@asynccontextmanager
async def service_frozen(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    first, second = bed.copies_of(choice.choice(SERVICE_NAMES))
    async with _frozen(first), _frozen(second):
        yield


@asynccontextmanager
async def process_restarted(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    """SIGTERM, as when a new version is rolled out."""
    process = choice.choice(list(bed.processes.values()))
    await process.terminate()
    await process.start()
    yield


@asynccontextmanager
async def broker_killed(bed: Bed, _: random.Random) -> AsyncIterator[None]:
    bed.servers.kill(bed.servers.rabbitmq)
    yield
    await bed.servers.revive(bed.servers.rabbitmq)


@asynccontextmanager
async def broker_frozen(bed: Bed, _: random.Random) -> AsyncIterator[None]:
    bed.servers.freeze(bed.servers.rabbitmq)
    yield
    bed.servers.thaw(bed.servers.rabbitmq)


@asynccontextmanager
async def broker_black_holed(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    """Connections stay, nothing passes in one direction or in both."""
    ways = choice.choice(({"to_client": False}, {"to_server": False}, {}))
    bed.broker_link.freeze(**ways)
    yield
    bed.broker_link.cut()
    bed.broker_link.thaw()


@asynccontextmanager
async def broker_link_cut(bed: Bed, _: random.Random) -> AsyncIterator[None]:
    await bed.broker_link.refuse()
    yield
    await bed.broker_link.accept()


@asynccontextmanager
async def broker_out_of_disk(bed: Bed, _: random.Random) -> AsyncIterator[None]:
    """RabbitMQ's disk alarm: it takes no more messages from anybody, without a word to those who publish."""
    await bed.servers.need_free_disk(ALL_OF_IT)
    yield
    await bed.servers.need_free_disk(USUALLY_FREE)


@asynccontextmanager
async def poisoned(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    """Messages that can never be applied, in every service's queue."""
    async with _channel(bed) as channel:
        for service in SERVICE_NAMES:
            await channel.default_exchange.publish(aio_pika.Message(choice.choice(POISON)), f"muster.{service}")
    yield


@asynccontextmanager
async def redelivered(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    """Every event that waits for the bed's own subscriber is published three times more, shuffled."""
    async with _channel(bed) as channel:
        queue = await channel.get_queue(QUEUE)
        taken: list[aio_pika.abc.AbstractIncomingMessage] = []
        with contextlib.suppress(aio_pika.exceptions.QueueEmpty):
            while len(taken) < REPUBLISHED:
                taken.append(await queue.get())
        copies = [message for message in taken for _ in range(3)]
        choice.shuffle(copies)
        exchange = await channel.get_exchange("training.events")
        await asyncio.gather(*(exchange.publish(_copy(message), message.routing_key or "") for message in copies))
        for message in taken:
            await message.ack()
    yield


@asynccontextmanager
async def database_killed(bed: Bed, _: random.Random) -> AsyncIterator[None]:
    bed.servers.kill(bed.servers.postgres)
    yield
    await bed.servers.revive(bed.servers.postgres)


@asynccontextmanager
async def database_frozen(bed: Bed, _: random.Random) -> AsyncIterator[None]:
    bed.servers.freeze(bed.servers.postgres)
    yield
    bed.servers.thaw(bed.servers.postgres)


@asynccontextmanager
async def database_connections_ended(bed: Bed, _: random.Random) -> AsyncIterator[None]:
    """Every session is ended by the administrator, as when a fail-over ends."""
    connection = await asyncpg.connect(bed.servers.postgres.url, timeout=5)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    await connection.close()
    yield


@asynccontextmanager
async def table_locked(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    """Somebody holds a lock that every writer needs."""
    service = choice.choice(SERVICE_NAMES)
    connection = await asyncpg.connect(database_of(bed, service), timeout=5)
    async with connection.transaction():
        await connection.execute(f"LOCK TABLE {choice.choice(LOCKED_TABLES[service])} IN ACCESS EXCLUSIVE MODE")
        yield
    await connection.close()


@asynccontextmanager
async def redis_killed(bed: Bed, _: random.Random) -> AsyncIterator[None]:
    bed.servers.kill(bed.servers.redis)
    yield
    await bed.servers.revive(bed.servers.redis)


@asynccontextmanager
async def redis_frozen(bed: Bed, _: random.Random) -> AsyncIterator[None]:
    bed.servers.freeze(bed.servers.redis)
    yield
    bed.servers.thaw(bed.servers.redis)


@asynccontextmanager
async def redis_flushed(bed: Bed, _: random.Random) -> AsyncIterator[None]:
    async with redis.asyncio.from_url(bed.servers.redis.url) as client:
        await client.flushall()
    yield


@asynccontextmanager
async def redis_out_of_memory(bed: Bed, _: random.Random) -> AsyncIterator[None]:
    """It refuses every write."""
    async with redis.asyncio.from_url(bed.servers.redis.url) as client:
        await client.config_set("maxmemory", "1mb")
        yield
        await client.config_set("maxmemory", "256mb")


@asynccontextmanager
async def answers_lost(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    """What gateways ask a service arrives there; its answers do not, and then the connections break."""
    balancer = bed.balancers[choice.choice(SERVICE_NAMES)]
    balancer.freeze(to_server=False)
    yield
    balancer.cut()
    balancer.thaw()


@asynccontextmanager
async def connections_cut(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    """All connections between the gateways and a service are reset."""
    bed.balancers[choice.choice(SERVICE_NAMES)].cut()
    yield


@asynccontextmanager
async def network_slow(bed: Bed, choice: random.Random) -> AsyncIterator[None]:
    """Everything between the gateways and a service comes late, and in small pieces."""
    balancer = bed.balancers[choice.choice(SERVICE_NAMES)]
    balancer.latency, balancer.chunk = choice.uniform(0.02, 0.3), choice.choice((64, 512, 65536))
    yield
    balancer.latency, balancer.chunk = 0.0, 65536


@asynccontextmanager
async def receiver_dead(bed: Bed, _: random.Random) -> AsyncIterator[None]:
    """Nobody listens where webhooks lead to, and what was under way there has no answer."""
    bed.receiver.die()
    yield
    await bed.receiver.accept()


DISRUPTIONS: tuple[Disruption, ...] = (
    gateway_killed, gateway_frozen, service_process_killed, service_killed, service_process_frozen, service_frozen,
    process_restarted, broker_killed, broker_frozen, broker_black_holed, broker_link_cut, broker_out_of_disk, poisoned,
    redelivered, database_killed, database_frozen, database_connections_ended, table_locked, redis_killed,
    redis_frozen, redis_flushed, redis_out_of_memory, answers_lost, connections_cut, network_slow,
    receiver_dead,
)  # fmt: skip


def _copy(message: aio_pika.abc.AbstractIncomingMessage) -> aio_pika.Message:
    return aio_pika.Message(message.body, content_type=message.content_type, message_id=message.message_id)


def database_of(bed: Bed, service: str) -> str:
    """The superuser's address of a service's database."""
    return bed.servers.postgres.url.rpartition("/")[0] + f"/{service}"


@asynccontextmanager
async def _killed(process: ProductProcess) -> AsyncIterator[None]:
    await process.kill()
    yield
    await process.revive()


@asynccontextmanager
async def _frozen(process: ProductProcess) -> AsyncIterator[None]:
    process.freeze()
    yield
    process.thaw()


@asynccontextmanager
async def _channel(bed: Bed) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    async with await aio_pika.connect(bed.servers.rabbitmq.url, timeout=5) as connection:
        yield await connection.channel(publisher_confirms=True)


async def calm(choice: random.Random, least: float, most: float) -> None:
    """Lets the clients work for a while."""
    await asyncio.sleep(choice.uniform(least, most))
