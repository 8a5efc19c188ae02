"""The peer of the relay: aio-pika publishing with confirms, many in flight, and nothing else.

`bare_publisher.py EXCHANGE FILE`: the file has a JSON array `[event id, routing key, body]` a line. Prints the seconds
that it took until the broker had confirmed all of them. `AMQP_URL` says where the broker is.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import aio_pika
import uvloop

IN_FLIGHT = 500


async def publish(exchange_name: str, messages: list[tuple[str, str, bytes]]) -> float:
    connection = await aio_pika.connect(os.environ["AMQP_URL"])
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await channel.get_exchange(exchange_name, ensure=False)
        began = time.perf_counter()
        for start in range(0, len(messages), IN_FLIGHT):
            await asyncio.gather(
                *(
                    exchange.publish(
                        aio_pika.Message(
                            body,
                            content_type="application/cloudevents+json",
                            message_id=event_id,
                            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                        ),
                        routing_key,
                    )
                    for event_id, routing_key, body in messages[start : start + IN_FLIGHT]
                )
            )
        return time.perf_counter() - began


def main() -> None:
    lines = (json.loads(line) for line in Path(sys.argv[2]).read_text(encoding="utf-8").splitlines())
    messages = [(event_id, routing_key, body.encode()) for event_id, routing_key, body in lines]
    print(uvloop.run(publish(sys.argv[1], messages)))


if __name__ == "__main__":
    main()
