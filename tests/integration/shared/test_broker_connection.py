import asyncio
from urllib.parse import urlsplit, urlunsplit

import pytest
from aiormq.exceptions import AMQPError

from shared.messaging.broker import connection_to
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
        with pytest.raises(AMQPError):
            async with asyncio.timeout(5), connection_to(urlunsplit(parts._replace(netloc=address)), name="test"):
                pass
