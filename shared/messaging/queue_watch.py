"""How much waits at the broker, for whoever reads the metrics."""

from aio_pika.abc import AbstractChannel, AbstractConnection

from shared.messaging.broker import QueueName, find_queue, open_channel


class QueueWatch:
    """Of one connection. It has a channel of its own, opened when it is first asked: an answer that is waited for no
    longer costs its channel, and no consumer must lose its own because somebody looked."""

    def __init__(self, connection: AbstractConnection, queue: QueueName) -> None:
        self._connection = connection
        self._queue = queue
        self._channel: AbstractChannel | None = None

    async def counts(self) -> tuple[int, int]:
        """The messages that wait for a consumer, and the dead letters; raises `BrokerUnavailable`."""
        try:
            if self._channel is None:
                self._channel = await open_channel(self._connection)
            return await _count(self._channel, self._queue.name), await _count(self._channel, self._queue.dead_letters)
        except BaseException:
            self._channel = None
            raise


async def _count(channel: AbstractChannel, name: str) -> int:
    return (await find_queue(channel, name)).declaration_result.message_count or 0
