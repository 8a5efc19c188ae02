import asyncio
from urllib.parse import urlsplit, urlunsplit

import pytest
from aiormq.exceptions import ChannelNotFoundEntity

from shared.messaging.broker import connection_to, find_queue, open_channel
from shared.messaging.errors import BrokerUnavailable
from tests.support.broker import Broker


@pytest.mark.parametrize("said", [b"", b"AMQP\x00\x00\x09\x01", b"\x01\x00\x00\x00\x00"])
async def test_who_hangs_up_in_the_handshake_is_noticed_at_once(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """As a broker does that is just ending, or whoever stands before one."""
    monkeypatch.setattr("shared.messaging.broker.CONNECT_TIMEOUT", 3600.0)

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        parts = urlsplit(broker.url)
        address = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(BrokerUnavailable):
            async with asyncio.timeout(5), connection_to(urlunsplit(parts._replace(netloc=address)), name="test"):
                pass


@pytest.mark.parametrize("end", ["channel", "connection"])
async def test_a_channel_that_is_closed_is_an_outage(broker: Broker, end: str) -> None:
    """aiormq says so with a RuntimeError."""
    async with connection_to(broker.url, name="test") as connection:
        channel = await open_channel(connection)
        await (channel if end == "channel" else connection).close()
        with pytest.raises(BrokerUnavailable):
            await find_queue(channel, broker.queue.name)


async def test_a_connection_that_is_closed_is_an_outage(broker: Broker) -> None:
    async with connection_to(broker.url, name="test") as connection:
        await connection.close()
        with pytest.raises(BrokerUnavailable):
            await open_channel(connection)


async def test_a_socket_that_is_closed_is_an_outage(broker: Broker) -> None:
    """uvloop says so with a RuntimeError."""
    async with connection_to(broker.url, name="test") as connection:
        connection.tap._writer.transport.abort()
        with pytest.raises(BrokerUnavailable):
            await connection.tap.send(b"")


async def test_what_the_broker_refuses_is_no_outage(broker: Broker) -> None:
    async with connection_to(broker.url, name="test") as connection:
        with pytest.raises(ChannelNotFoundEntity):
            await find_queue(await open_channel(connection), "nowhere")
