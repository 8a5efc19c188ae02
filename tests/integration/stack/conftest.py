"""A stack whose processes only sleep, and whose servers are given and away."""

import io
import json
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path

import pytest
from rich.console import Console

from stack.commands.down import down
from stack.config.addresses import Addresses, ServiceAddresses, write_addresses
from stack.config.ports import load_state, reserve_port
from stack.console import Steps
from stack.paths import Layout
from stack.processes.environment import base_environment
from stack.product.applications import application_process
from stack.services import SERVICE_NAMES

APPLICATIONS = (*SERVICE_NAMES, "gateway")


@pytest.fixture
def steps() -> Steps:
    return Steps(Console(file=io.StringIO(), width=200))


@pytest.fixture
async def layout(tmp_path: Path, steps: Steps) -> AsyncIterator[Layout]:
    """As `./dev up --detach` of that version left it, with servers given by the environment."""
    layout = Layout(tmp_path / "stack")
    layout.create()
    state = load_state(layout.state_file)
    assert set(json.loads(layout.state_file.read_text())) == {"ports", "node"}
    urls = {name: f"http://127.0.0.1:{state.ports[name]}" for name in APPLICATIONS}
    given = f"127.0.0.1:{reserve_port()}"
    server = f"scheme://user:secret@{given}/"
    services = {
        name: ServiceAddresses(**{field.name: server for field in fields(ServiceAddresses)} | {"url": urls[name]})
        for name in SERVICE_NAMES
    }
    write_addresses(layout, Addresses(urls["gateway"], server, server, services), "token")
    for name in APPLICATIONS:
        application_process(layout, name).start(["sleep", "60"], base_environment(), tmp_path)
    yield layout
    await down(layout, steps)
