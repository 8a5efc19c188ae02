"""Shows the dead letters; `python dead_letters.py retry` puts them back into the queue."""

import asyncio
import os
import sys

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

QUEUE = os.environ.get("QUEUE", "subscriber.example")
DEAD_LETTERS = f"{QUEUE}.dead-letters"
MOST = 1000


async def main(retry: bool) -> None:
    async with await aio_pika.connect(os.environ["AMQP_URL"], timeout=10) as connection:
        channel = await connection.channel()
        letters = await channel.declare_queue(DEAD_LETTERS, passive=True)
        taken: list[AbstractIncomingMessage] = []
        while len(taken) < MOST and (letter := await letters.get(fail=False)):
            taken.append(letter)  # held until the end, so that none is seen twice
            print(letter.routing_key, letter.body[:500].decode(errors="replace"))
        if retry:
            await put_back(channel, taken)
    # What was not acknowledged is in the dead letters again.


async def put_back(channel: AbstractChannel, taken: list[AbstractIncomingMessage]) -> None:
    """Through an exchange of our own: the default one leads to every queue, so the user may not write to it."""
    exchange = await channel.declare_exchange(f"{QUEUE}.retry", aio_pika.ExchangeType.FANOUT, durable=True)
    queue = await channel.declare_queue(QUEUE, passive=True)
    await queue.bind(exchange)
    for letter in taken:
        message = aio_pika.Message(letter.body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await exchange.publish(message, letter.routing_key or "")  # returns once the broker has it
        await letter.ack()


if __name__ == "__main__":
    asyncio.run(main(retry=sys.argv[1:] == ["retry"]))
