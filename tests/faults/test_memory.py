"""Hundreds of connections, each with a body of a mebibyte but for its last byte, and hundreds of logins at once."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.faults.bed import Bed
from tests.faults.figures import figure
from tests.faults.leaks import MORE_MEMORY
from tests.faults.processes import ProductProcess
from tests.support.client import new_organisation
from tests.support.eventually import eventually

CONNECTIONS, ADDRESSES, LOGINS = 400, 40, 300
USERS = 8
SIZE = 2**20
MOST_HELD = 120.0
"""MiB that a process may grow by meanwhile: users' bodies have 64, strangers' 8, and each connection a few KiB."""
QUICK = {"MEMORY_INTERVAL": "0.5"}
"""Seconds after which memory is given back, so that tests need not wait five."""
CREDENTIALS = b'{"email": "ada@example.com", "password": "not the password"'
LOGIN, COURSES = "/api/v1/auth/login", "/api/v1/training/courses"

pytestmark = pytest.mark.timeout(120)


async def test_bodies_of_strangers_leave_memory_and_users_alone(bed: Bed) -> None:
    async with bed.another("gateway", **QUICK) as gateway:
        grown = await _grown(gateway, [_request(LOGIN, SIZE)] * CONNECTIONS, withheld=1, bed=bed)
    figure("memory for strangers", "growth by 400 connections at login", grown, "MiB", goal=MOST_HELD)
    async with bed.another("catalog", **QUICK) as catalog:
        grown = await _grown(catalog, [_request(COURSES, SIZE)] * CONNECTIONS, withheld=1)
    figure("memory for strangers", "growth by 400 connections at a service", grown, "MiB", goal=MOST_HELD)


async def test_bodies_of_users_have_a_bound(bed: Bed) -> None:
    async with bed.another("gateway", **QUICK) as gateway:
        grown = await _grown(gateway, _of_users(bed), withheld=1)
    figure("memory for users", "growth by 400 connections with valid tokens", grown, "MiB", goal=MOST_HELD)


async def test_control_without_a_budget_of_bodies_memory_has_no_bound(bed: Bed) -> None:
    async with bed.another("gateway", WITHOUT="budget of bodies") as gateway:
        with pytest.raises(AssertionError, match="MiB"):
            await _grown(gateway, _of_users(bed), withheld=1)


async def test_logins_that_wait_for_their_turn_hold_little(bed: Bed) -> None:
    """No password is checked here: those that wait for accounts have let their bodies go."""
    async with bed.another("gateway", **QUICK) as gateway:
        requests = [_request(LOGIN, 200), _request(LOGIN, SIZE)] * (LOGINS // 2)
        grown = await _grown(gateway, requests)
    figure("memory for strangers", "growth by 300 logins, every other of a mebibyte", grown, "MiB", goal=MOST_HELD)


def _request(path: str, size: int, *headers: str) -> bytes:
    """A POST whose body is padded with blanks."""
    body = CREDENTIALS + b" " * (size - len(CREDENTIALS) - 1) + b"}"
    head = (f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {size}", *headers)
    return "\r\n".join((*head, "", "")).encode() + body


def _of_users(bed: Bed) -> list[bytes]:
    organisation = new_organisation()
    tokens = [bed.client(organisation, sub=f"user {number}").token for number in range(USERS)]
    requests = [_request(COURSES, SIZE, f"Authorization: Bearer {token}") for token in tokens]
    return requests * (CONNECTIONS // USERS)


async def _grown(
    process: ProductProcess,
    requests: Sequence[bytes],
    *,
    withheld: int = 0,
    most: float = MOST_HELD,
    bed: Bed | None = None,
) -> float:
    """MiB by which the process grew at most, until it had answered all but a few.

    It has them back a while later, and serves on meanwhile.
    """
    before = _memory(process, "VmRSS")
    _forget_peak(process)
    async with _asked(process, requests, withheld) as answered:
        await eventually(partial(_is_over, process, before + most, answered, len(requests) * 3 // 4), deadline=60)
        if bed is not None:
            assert (await bed.client(new_organisation()).get(COURSES)).status == 200
    grown = _memory(process, "VmHWM") - before
    assert grown <= most, f"{process.name} has grown by {grown:.0f} MiB"
    await eventually(partial(_is_back, process, before), deadline=40)
    return grown


@asynccontextmanager
async def _asked(process: ProductProcess, requests: Sequence[bytes], withheld: int) -> AsyncIterator[list[bytes]]:
    """Connections from many addresses, one for each request; gives what has been answered on them so far."""
    answered: list[bytes] = []
    tasks = [
        asyncio.create_task(_ask(f"127.0.1.{number % ADDRESSES + 1}", process.port, request, withheld, answered))
        for number, request in enumerate(requests)
    ]
    try:
        yield answered
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _ask(address: str, port: int, request: bytes, withheld: int, answered: list[bytes]) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setblocking(False)
        connection.bind((address, 0))
        await loop.sock_connect(connection, ("127.0.0.1", port))
        sending = loop.create_task(loop.sock_sendall(connection, memoryview(request)[: len(request) - withheld]))
        try:
            with contextlib.suppress(ConnectionError):
                answered.append(await loop.sock_recv(connection, 4096))
            with contextlib.suppress(ConnectionError):
                await sending
        finally:
            sending.cancel()


async def _is_over(process: ProductProcess, most: float, answered: list[bytes], count: int) -> bool:
    """Whether so many are answered, or it has taken too much memory already: without a bound answers come late."""
    return len(answered) >= count or _memory(process, "VmHWM") > most


async def _is_back(process: ProductProcess, before: float) -> bool:
    return _memory(process, "VmRSS") <= before + MORE_MEMORY


def _memory(process: ProductProcess, name: str) -> float:
    assert process.process is not None
    found = re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{process.process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def _forget_peak(process: ProductProcess) -> None:
    """proc(5): from now on `VmHWM` is the peak since this moment."""
    assert process.process is not None
    Path(f"/proc/{process.process.pid}/clear_refs").write_text("5")
