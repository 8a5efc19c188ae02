"""How far one consumer is with its queue (decision 27)."""

import asyncio
from collections.abc import Sized

from aio_pika.abc import AbstractChannel

from shared.messaging.broker import QueueName, find_queue
from shared.messaging.deliveries import Delivery

PATIENCE = 1.0
"""Seconds to wait for what has arrived; the next round asks again."""
PAUSE = 0.01


class Progress:
    """Of a consumer on one channel. It counts batches and not messages, which costs consuming nothing."""

    def __init__(self, channel: AbstractChannel, queue: QueueName, arrived: asyncio.Queue[Delivery | None]) -> None:
        self._channel = channel
        self._queue = queue
        self._arrived = arrived
        self._held: Sized = ()
        self._done = 0

    def took(self, batch: Sized) -> None:
        """It may still grow by what has arrived."""
        self._held = batch

    def acknowledged(self) -> None:
        """The batch is applied, or in the dead-letter queue."""
        self._done += len(self._held)
        self._held = ()

    @property
    def waiting(self) -> int:
        """How many messages this consumer was sent and has not applied yet."""
        return len(self._held) + self._arrived.qsize()

    async def caught_up(self) -> int | None:
        """How many consumers the queue has, if nothing waits in it and this one has applied all that it was sent.

        None where that is not so, or a message of the queue lies among the dead letters.
        """
        if await self._has_dead_letters():
            return None
        waiting, consumers = await self._counts(self._queue.name)
        if waiting:
            return None
        # The broker counts for itself, but what it answers next comes after what it has sent before.
        await self._counts(self._queue.name)
        if not await self._applied(self._done + len(self._held) + self._arrived.qsize()):
            return None
        return None if await self._has_dead_letters() else consumers

    async def _applied(self, messages: int) -> bool:
        for _ in range(round(PATIENCE / PAUSE)):
            if self._done >= messages:
                return True
            await asyncio.sleep(PAUSE)
        return False

    async def _has_dead_letters(self) -> bool:
        """Or somebody works on them, and holds some."""
        return any(await self._counts(self._queue.dead_letters))

    async def _counts(self, name: str) -> tuple[int, int]:
        """The messages that wait for a consumer, and the consumers."""
        declared = (await find_queue(self._channel, name)).declaration_result
        return declared.message_count or 0, declared.consumer_count or 0
