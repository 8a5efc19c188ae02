"""A broker of these tests' own, which they may stop, and whose users they may add and remove."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import StringIO

import pytest
from rich.console import Console

from shared.messaging.broker import connection_to, declare_exchange
from stack.commands.test import own_layout
from stack.config.ports import load_state, read_state
from stack.console import Steps
from stack.paths import Layout
from stack.servers.all import make_servers
from stack.servers.credentials import load_credentials
from stack.servers.packages import provide
from stack.servers.rabbitmq import RabbitMQServer
from stack.servers.requirements import RABBITMQ, find


@dataclass(frozen=True)
class OwnBroker:
    server: RabbitMQServer
    layout: Layout

    def reread(self) -> RabbitMQServer:
        """The same one, with the passwords of the users that it has by now."""
        program = find(RABBITMQ)
        assert program is not None
        state, credentials = read_state(self.layout.state_file), load_credentials(self.layout.secrets)
        [server] = make_servers({RABBITMQ: program}, self.layout, state, credentials)
        assert isinstance(server, RabbitMQServer)
        return server

    async def restart(self) -> None:
        await self.server.process.stop(20)
        await self.reread().start()


@pytest.fixture(scope="session")
async def own_broker() -> AsyncIterator[OwnBroker]:
    async with own_layout() as layout:
        program = provide((RABBITMQ,), Steps(Console(file=StringIO())), layout.log / "install.log")
        [server] = make_servers(program, layout, load_state(layout.state_file), load_credentials(layout.secrets))
        assert isinstance(server, RabbitMQServer)
        await server.start()
        async with connection_to(server.url, name="test") as connection:
            await declare_exchange(await connection.channel())
        yield OwnBroker(server, layout)
