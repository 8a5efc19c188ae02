"""The peer of the consumers: aio-pika reading a queue, reading each body as JSON, acknowledging it, and nothing else.

`bare_consumer.py QUEUE COUNT`: prints the seconds between the first message and the acknowledgement of the last.
`AMQP_URL` says where the broker is.
"""

import asyncio
import json
import os
import sys
import time

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage

PREFETCH = 1000
"""As the product's consumers."""


async def consume(queue_name: str, count: int) -> float:
    moments: list[float] = []
    done = asyncio.Event()

    async def receive(message: AbstractIncomingMessage) -> None:
        json.loads(message.body)
        await message.ack()
        moments.append(time.perf_counter())
        if len(moments) == count:
            done.set()

    connection = await aio_pika.connect(os.environ["AMQP_URL"])
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        queue = await channel.get_queue(queue_name, ensure=False)
        await queue.consume(receive)
        await done.wait()
    return moments[-1] - moments[0]


def main() -> None:
    print(uvloop.run(consume(sys.argv[1], int(sys.argv[2]))))


if __name__ == "__main__":
    main()
