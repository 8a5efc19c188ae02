"""What all tests share: one running system for the whole run, and an organisation of its own for each test."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import uvloop

from tests.support.client import Client, new_organisation
from tests.support.security_lines import SecurityLines, written_lines
from tests.support.stack import Stack, running_stack

WITH_LONG_CONTROLS = (
    "tests/faults/",
    "tests/documents/",
    "tests/e2e/test_nobody_in_the_log.py::test_control_a_line_that",
)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The product's own loop: its transports are others than asyncio's."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.hookimpl(tryfirst=True)  # before those that are not wanted are taken out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The controls of what takes long by itself, which show that its tests notice a guard that is missing."""
    for item in items:
        if item.nodeid.startswith(WITH_LONG_CONTROLS) and "::test_control" in item.nodeid:
            item.add_marker("long")


def pytest_collection_finish() -> None:
    """Thousands of tests stay until the end, and Python need not look through them for garbage again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    async with running_stack() as stack:
        yield stack


@pytest.fixture
def security_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecurityLines]:
    """What the test writes to the security log, with bounds of its own."""
    with written_lines(monkeypatch) as lines:
        yield lines


@pytest.fixture
def organisation() -> int:
    return new_organisation()


@pytest.fixture
def admin(stack: Stack, organisation: int) -> Client:
    """An administrator of the test's own organisation, through the gateway."""
    return stack.client(organisation)
