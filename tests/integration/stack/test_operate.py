"""An operator's commands and psql as `./dev` starts them, on real servers: their environment has all that they need."""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stack.commands.operate import Invocation, operator_invocation, psql_invocation
from stack.config.addresses import Addresses, ServiceAddresses
from stack.paths import REPOSITORY, Layout
from stack.product.issuer import prepare_internal_keys
from stack.servers.requirements import POSTGRES, find
from stack.services import SERVICE_NAMES
from tests.support.broker import Broker, own_broker
from tests.support.databases import service_database

NOWHERE = "http://127.0.0.1:1"
SECONDS = 45.0


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    async with own_broker("history") as broker:
        yield broker


@pytest.fixture
async def addresses(broker: Broker) -> AsyncIterator[Addresses]:
    """Of a stack whose services share one database."""
    async with service_database("history") as database:
        service = ServiceAddresses(NOWHERE, database.service_url, database.owner_url, broker.url)
        yield Addresses(NOWHERE, "redis://127.0.0.1:1", broker.url, dict.fromkeys(SERVICE_NAMES, service))


async def run(invocation: Invocation, **variables: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *invocation.command,
        env={**invocation.environment, **variables},
        cwd=REPOSITORY,
        stdout=PIPE,
        stderr=PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), SECONDS)
    return process.returncode, output.decode(), errors.decode()


async def test_an_operator_s_commands_find_database_and_broker(
    tmp_path: Path, addresses: Addresses, broker: Broker
) -> None:
    installation = {"EXCHANGE": broker.exchange.name, "QUEUE_PREFIX": broker.queue.name.removesuffix(".history")}

    layout = Layout(tmp_path)
    layout.create()
    await prepare_internal_keys(layout)

    async def command(*arguments: str) -> tuple[int | None, str, str]:
        return await run(operator_invocation(layout, addresses, arguments[0], "history", arguments[1:]), **installation)

    status, _, errors = await command("migrate")
    assert (status, errors) == (0, "")
    status, output, _ = await command("dead-letters", "list", "--json")
    assert status == 0
    assert json.loads(output)["total"] == 0
    status, _, errors = await command("verify")
    assert status == 2, "the owners of the copies are nowhere"
    assert "Traceback" not in errors


async def test_control_without_the_environment_they_say_what_is_missing(tmp_path: Path, addresses: Addresses) -> None:
    command = operator_invocation(Layout(tmp_path), addresses, "verify", "history", [])
    bare = Invocation(command.command, {"PATH": command.environment["PATH"]})
    status, _, errors = await run(bare)
    assert status != 0
    assert "DATABASE_URL" in errors


@pytest.mark.parametrize("as_owner", [False, True])
async def test_psql_is_connected_as_the_role_that_was_asked_for(addresses: Addresses, as_owner: bool) -> None:
    program = find(POSTGRES)
    assert program is not None
    arguments = ["-XAtc", "SELECT current_user"]
    psql = psql_invocation(str(program.directory / "psql"), addresses, "history", arguments, as_owner=as_owner)
    status, output, errors = await run(psql)
    assert (status, errors) == (0, "")
    assert output.startswith("history_")
    assert output.strip().endswith("_owner") == as_owner
