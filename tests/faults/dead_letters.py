"""The dead letters of the services."""

import aio_pika

from tests.faults.bed import Bed


async def dead_letters(bed: Bed, service: str) -> int:
    """How many lie in the service's dead-letter queue."""
    async with await aio_pika.connect(bed.servers.rabbitmq.url, timeout=5) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(f"muster.{service}.dead-letters", passive=True)
        return queue.declaration_result.message_count or 0
