"""Names are looked up without a thread, so that a silent name server holds nobody up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiodns
import pytest

from services.delivery.sending import resolver
from services.delivery.sending.client import NameUnknown
from services.delivery.sending.resolver import name_servers


async def test_a_name_of_this_machine_is_found() -> None:
    async with name_servers() as lookup:
        assert "127.0.0.1" in await lookup("localhost")


async def test_a_name_that_nobody_has_is_unknown() -> None:
    async with name_servers() as lookup:
        with pytest.raises(NameUnknown):
            await lookup("nobody.invalid")


class Silent(asyncio.DatagramProtocol):
    """A name server that answers nothing."""

    def __init__(self) -> None:
        self.asked = 0

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.asked += 1


@asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[Silent, int]]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(Silent, ("127.0.0.1", 0))
    try:
        yield server, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


async def test_many_silent_name_servers_keep_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a pool of threads would have: the last of them is given up as soon as the first."""
    made = aiodns.DNSResolver
    async with silent_server() as (server, port):
        monkeypatch.setattr(resolver, "_TIMEOUT", 0.1)
        monkeypatch.setattr(aiodns, "DNSResolver", lambda **options: made(nameservers=[f"127.0.0.1:{port}"], **options))
        async with name_servers() as lookup:
            lookups = [lookup(f"silent{number}.example") for number in range(100)]
            outcomes = await asyncio.wait_for(asyncio.gather(*lookups, return_exceptions=True), 20)
    assert all(isinstance(outcome, NameUnknown) for outcome in outcomes)
    assert server.asked >= 100
