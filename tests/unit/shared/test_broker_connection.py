import asyncio
import gc
import warnings

import aio_pika
from yarl import URL

from shared.messaging.broker import BrokerConnection


def said_at_collection(connection_type: type[aio_pika.Connection]) -> list[str]:
    """What Python warns of when a connection that nobody closed is collected outside of its loop."""

    async def connection() -> aio_pika.Connection:
        return connection_type(URL("amqp://127.0.0.1:1"))

    gc.collect()  # what others left lying about
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(None)  # else Python makes one where there was none yet
    try:
        unclosed = loop.run_until_complete(connection())
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            del unclosed
            gc.collect()
    finally:
        loop.close()
    return [str(warning.message) for warning in said if "Connection" in str(warning.message)]


def test_a_broken_connection_is_collected_without_a_word() -> None:
    assert said_at_collection(BrokerConnection) == []


def test_control_aio_pika_s_own_starts_what_nobody_ends() -> None:
    assert said_at_collection(aio_pika.Connection) == ["coroutine 'Connection.close' was never awaited"]
