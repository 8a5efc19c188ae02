"""Users of subscribers on the local stack: there at once, there after a restart, and gone with all that was theirs."""

import io
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aiormq.exceptions import ProbableAuthenticationError
from rich.console import Console

from shared.messaging.broker import connection_to
from stack.commands.subscriber import add, remove
from stack.console import Steps
from stack.errors import StackError
from stack.paths import Layout
from tests.examples.conftest import OwnBroker
from tests.support.broker import TIMEOUT
from tests.support.eventually import eventually

QUORUM: dict[str, Any] = {"x-queue-type": "quorum"}


@pytest.fixture
def steps() -> Steps:
    return Steps(Console(file=io.StringIO(), width=200))


async def test_a_user_is_there_at_once_and_after_a_restart(own_broker: OwnBroker, steps: Steps) -> None:
    url = await add(own_broker.layout, "kept", steps)
    assert await add(own_broker.layout, "kept", steps) == url
    async with connection_to(url, name="test") as connection:
        channel = await connection.channel()
        await channel.declare_queue("subscriber.kept", durable=True, arguments=QUORUM, timeout=TIMEOUT)
        await add(own_broker.layout, "another", steps)
        await channel.get_queue("subscriber.kept")  # its connection has outlived that
    await own_broker.restart()
    async with connection_to(url, name="test") as connection:
        await (await connection.channel()).get_queue("subscriber.kept")


async def test_removing_ends_its_connections_and_takes_its_queues(own_broker: OwnBroker, steps: Steps) -> None:
    url, other = await add(own_broker.layout, "reports", steps), await add(own_broker.layout, "reports2", steps)
    connection = await aio_pika.connect(url, timeout=TIMEOUT)
    own = await connection.channel()
    for name in ("subscriber.reports", "subscriber.reports.more"):
        await own.declare_queue(name, durable=True, arguments=QUORUM, timeout=TIMEOUT)
    async with connection_to(other, name="test") as others:
        channel = await others.channel()
        await channel.declare_queue("subscriber.reports2", durable=True, arguments=QUORUM, timeout=TIMEOUT)
        assert await remove(own_broker.layout, "reports", steps) == 0

        async def ended() -> bool:
            return own.is_closed

        await eventually(ended)
        await channel.get_queue("subscriber.reports2")
    with pytest.raises(ProbableAuthenticationError):
        await aio_pika.connect(url, timeout=TIMEOUT)
    async with connection_to(own_broker.server.url, name="test") as administrator:
        assert await exists(administrator, "subscriber.reports2")
        assert not await exists(administrator, "subscriber.reports")
        assert not await exists(administrator, "subscriber.reports.more")
    with pytest.raises(StackError, match="no subscriber reports"):
        await remove(own_broker.layout, "reports", steps)


async def exists(connection: aio_pika.abc.AbstractConnection, queue: str) -> bool:
    try:
        await (await connection.channel()).declare_queue(queue, passive=True, timeout=TIMEOUT)
    except aio_pika.exceptions.ChannelNotFoundEntity:
        return False
    return True


@pytest.mark.parametrize("name", ["", "Reports", "a.b", "../x", "a" * 41])
async def test_names_that_could_mean_more_are_refused(own_broker: OwnBroker, steps: Steps, name: str) -> None:
    with pytest.raises(StackError, match="no name for a subscriber"):
        await add(own_broker.layout, name, steps)


async def test_without_a_broker_of_the_stack_s_own_it_says_so(tmp_path: Path, steps: Steps) -> None:
    layout = Layout(tmp_path)
    layout.create()
    with pytest.raises(StackError, match=r"\./dev up starts one"):
        await add(layout, "reports", steps)
    assert not (layout.secrets / "subscribers").exists()
