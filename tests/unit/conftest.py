"""Tests of rules and pure code: they reach no server, and `./dev unit` runs them within seconds."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import settings

from stack.config import ports

# How long one example takes depends on the machine; the whole test has its timeout.
settings.register_profile("suite", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=10)
settings.load_profile(os.environ.get("UNIT_PROFILE", "suite"))

SLOW = (
    # Programs, or hashes of passwords.
    "gateway/test_imports.py",
    "shared/test_server.py",
    "stack/test_make_secrets.py",
    "stack/test_managed_process.py",
    "stack/test_supervisor.py",
    "test_forks.py",
    # Every file of the repository.
    "test_clocks.py",
    "test_house.py",
    "test_operations_",
    "test_papers",
    # Sockets, until their buffers are full.
    "shared/test_server_connection.py::test_a_client_that_asks_on_and_reads_nothing_is_held_up",
    "shared/test_server_connection.py::test_a_client_that_reads_none_of_its_answer_is_cut",
    # Many thousand steps.
    "shared/test_fair_semaphore_waits.py::test_without_stalled_checks_they_wait_as_long_as_they_said",
    "shared/test_security_log.py::test_control_a_log_without_a_bound_is_noticed",
    "shared/test_server_connection.py::test_a_request_is_read_alike_in_whatever_pieces_it_comes",
)
"""What `./dev unit` leaves out; `./dev test tests/unit` and the whole suite run all."""

LISTENING = "0A"


class ServerReached(AssertionError):
    """Not an OSError: code that copes with an unavailable server must not swallow it."""


def listens_here(port: int) -> bool:
    """Whether this process itself listens on the port."""
    own = {os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()}
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == LISTENING and int(local.rpartition(":")[2], 16) == port and f"socket:[{inode}]" in own:
                return True
    return False


def refuse_servers(address: Any) -> None:
    """Raise ServerReached for an address of the network at which this process does not listen itself."""
    if isinstance(address, tuple) and not listens_here(int(address[1])):
        raise ServerReached(
            f"A unit test connects to {address[0]}:{address[1]}. Tests in tests/unit need no server: move it to"
            " tests/integration, where ./dev test starts private ones."
        )


@pytest.hookimpl(tryfirst=True)  # before those that are not wanted are taken out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow = tuple(f"tests/unit/{name}" for name in SLOW)
    for item in items:
        if item.nodeid.startswith(slow):
            item.add_marker("slow")


def pytest_sessionfinish() -> None:
    """Close what reserves ports, or Python warns of each socket as it ends."""
    for reservation in ports._reservations.values():
        reservation.close()


class _Guard:
    """Watches this process's connections while a unit test runs; other tests in it may connect to what they like."""

    active = False

    def on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.active and event == "socket.connect":
            refuse_servers(arguments[1])


_GUARD = _Guard()
sys.addaudithook(_GUARD.on_event)


@pytest.fixture(autouse=True)
def no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = uvloop.Loop.create_connection

    async def create_connection(loop: Any, factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        if host is not None:
            refuse_servers((host, port))
        return await connect(loop, factory, host, port, **options)

    # libuv connects without Python's socket module, so no event reports it.
    monkeypatch.setattr(uvloop.Loop, "create_connection", create_connection)
    monkeypatch.setattr(_GUARD, "active", True)
