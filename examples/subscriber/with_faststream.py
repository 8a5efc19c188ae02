"""The same service with FastStream, which connects, declares and acknowledges by itself. README.md has the steps.

AMQP_URL names the broker and the user, QUEUE a queue of the user's own, DATABASE the SQLite file.
"""

import asyncio
import os
import sqlite3

from completions import NotAnEvent, keep, open_database
from faststream import AckPolicy, FastStream, Logger
from faststream.rabbit import (
    Channel,
    ExchangeType,
    QueueType,
    RabbitBroker,
    RabbitExchange,
    RabbitMessage,
    RabbitQueue,
)

QUEUE = os.environ.get("QUEUE", "subscriber.example")
DEAD_LETTERS = f"{QUEUE}.dead-letters"
RETRY_SECONDS = 2.0

broker = RabbitBroker(
    os.environ["AMQP_URL"],
    # Without a prefetch count the broker sends everything at once; what reaches no queue raises.
    default_channel=Channel(prefetch_count=100, on_return_raises=True),
    fail_fast=False,  # a broker that is not there yet is waited for
    reconnect_interval=RETRY_SECONDS,
)
app = FastStream(broker)
database = open_database()

# `declare=False`: the exchange is not ours.
events = RabbitExchange(os.environ.get("EXCHANGE", "training.events"), ExchangeType.TOPIC, declare=False)
dead_letters = RabbitExchange(DEAD_LETTERS, ExchangeType.FANOUT)
letters = RabbitQueue(DEAD_LETTERS, queue_type=QueueType.QUORUM, durable=True)
queue = RabbitQueue(
    QUEUE,
    queue_type=QueueType.QUORUM,
    durable=True,
    routing_key="enrollment.completed",
    # Dead-lettered as well: a message that has crashed this program twenty times.
    arguments={"x-dead-letter-exchange": DEAD_LETTERS, "x-delivery-limit": 20},
)


@app.on_startup
async def declare_dead_letters() -> None:
    """Before the first message can become one."""
    await broker.connect()
    exchange = await broker.declare_exchange(dead_letters)
    await (await broker.declare_queue(letters)).bind(exchange)


async def set_aside(message: RabbitMessage) -> None:
    """Publish it and wait until the broker has it: one that is rejected is lost where its new queue is not ready."""
    await declare_dead_letters()
    await broker.publish(message.body, exchange=dead_letters, persist=True, timeout=RETRY_SECONDS)


# Acknowledged once the function returns; after an exception it is delivered again, twenty times at most.
@broker.subscriber(queue, events, ack_policy=AckPolicy.NACK_ON_ERROR, no_reply=True)
async def completed(message: RabbitMessage, logger: Logger) -> None:
    """`message.body` and not a model: what is not known of an event must not make it a mistake."""
    while True:
        try:
            logger.info(keep(database, message.body))
            return
        except sqlite3.OperationalError as error:  # locked, or a full disk: the message is not to blame
            logger.error("waiting for the database: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
        except NotAnEvent as error:
            logger.warning("dead letter: %s", error)
            await set_aside(message)
            return


if __name__ == "__main__":
    asyncio.run(app.run())
