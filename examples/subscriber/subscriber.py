"""A service that follows `enrollment.completed` with aio-pika alone. README.md has the steps.

AMQP_URL names the broker and the user, QUEUE a queue of the user's own, DATABASE the SQLite file.
"""

import asyncio
import logging
import os
import signal
import sqlite3
from contextlib import suppress
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from completions import NotAnEvent, keep, open_database

QUEUE = os.environ.get("QUEUE", "subscriber.example")
DEAD_LETTERS = f"{QUEUE}.dead-letters"
EXCHANGE = os.environ.get("EXCHANGE", "training.events")
ROUTING_KEYS = ["enrollment.completed"]
RETRY_SECONDS = 2.0

log = logging.getLogger("subscriber")


async def declare(channel: AbstractChannel) -> AbstractQueue:
    """The queue, and where its dead letters go. To declare again what is there changes nothing."""
    quorum: dict[str, Any] = {"x-queue-type": "quorum"}  # on disk, on each node of a cluster
    dead_letters = await channel.declare_exchange(DEAD_LETTERS, aio_pika.ExchangeType.FANOUT, durable=True)
    letters = await channel.declare_queue(DEAD_LETTERS, durable=True, arguments=quorum)
    await letters.bind(dead_letters)
    # Dead-lettered as well: a message that has crashed this program twenty times.
    arguments = {**quorum, "x-dead-letter-exchange": DEAD_LETTERS, "x-delivery-limit": 20}
    queue = await channel.declare_queue(QUEUE, durable=True, arguments=arguments)
    for routing_key in ROUTING_KEYS:
        await queue.bind(EXCHANGE, routing_key)
    return queue


async def set_aside(channel: AbstractChannel, message: AbstractIncomingMessage) -> None:
    """Publish it and wait until the broker has it: one that is rejected is lost where its new queue is not ready."""
    dead_letters = await channel.get_exchange(DEAD_LETTERS, ensure=False)
    letter = aio_pika.Message(message.body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    await dead_letters.publish(letter, message.routing_key or "", timeout=10)


async def handle(database: sqlite3.Connection, channel: AbstractChannel, message: AbstractIncomingMessage) -> None:
    """Acknowledge after the commit: a message that was not acknowledged is delivered again."""
    while True:
        try:
            log.info(keep(database, message.body))
        except NotAnEvent as error:
            log.warning("dead letter: %s", error)
            await set_aside(channel, message)
        except sqlite3.OperationalError as error:  # locked, or a full disk: the message is not to blame
            log.error("waiting for the database: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
            continue
        await message.ack()
        return


async def follow(database: sqlite3.Connection) -> None:
    """Until the connection ends, which raises."""
    connection = await aio_pika.connect(os.environ["AMQP_URL"], heartbeat=10, timeout=10)
    async with connection:
        channel = await connection.channel(on_return_raises=True)  # what reaches no queue raises
        await channel.set_qos(prefetch_count=100)  # without it the broker sends everything at once
        queue = await declare(channel)
        log.info("following %s with the queue %s", ", ".join(ROUTING_KEYS), QUEUE)
        async with queue.iterator() as messages:
            async for message in messages:
                await handle(database, channel, message)
    raise ConnectionError("the broker has ended the consumer")


async def main() -> None:
    """For ever: whenever the broker is gone, connect and declare again."""
    ended = asyncio.current_task()
    assert ended is not None  # noqa: S101 - a coroutine runs in a task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.cancel)
    database = open_database()
    while True:
        try:
            await follow(database)
        except (aio_pika.exceptions.AMQPError, OSError, TimeoutError) as error:
            log.warning("no broker, trying again: %r", error)
            await asyncio.sleep(RETRY_SECONDS)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # a stack trace for each lost connection; ours is one line
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(main())
    log.info("ended")
