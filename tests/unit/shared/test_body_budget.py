"""Bodies have room in memory before they are read, and strangers cannot take that of users."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from shared.errors import Overloaded
from shared.http.body import read_body
from shared.http.body_budget import BODY_BUDGET, MIB, Account, BodyBudget
from shared.http.request import Request
from shared.http.responses import Answer
from shared.http.server.app import create_app
from shared.http.server.memory_release import give_back_memory
from shared.http.server.responder import RESPONDER
from tests.support.eventually import eventually
from tests.support.raw_http import RawAnswer, answers_in
from tests.support.stack import serving

STANDARD = "TE: trailers\r\n"
"""Keeps a request on the standard path: a simple one is read before anybody could reserve room for it."""
KNOWN, STRANGER = "X-Caller: ada", "X-Note: nobody"


@dataclass
class Server:
    """One whose strangers may have 1 MiB, and whose users 4; a caller is who says so."""

    app: web.Application
    url: str = ""
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def budget(self) -> BodyBudget:
        return self.app[BODY_BUDGET]

    async def begin(self, head: str, body: bytes) -> asyncio.StreamReader:
        """Sends this much of a POST and leaves it there."""
        address = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        self.writers.append(writer)
        writer.write(f"POST / HTTP/1.1\r\nHost: x\r\n{STANDARD}{head}\r\n\r\n".encode() + body)
        return reader

    async def announce(self, caller: str, length: int) -> asyncio.StreamReader:
        return await self.begin(f"{caller}\r\nContent-Length: {length}", b"")

    async def send(self, caller: str, length: int) -> RawAnswer:
        return await answer(await self.begin(f"{caller}\r\nContent-Length: {length}", b"x" * length))


async def answer(reader: asyncio.StreamReader) -> RawAnswer:
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.splitlines() if line.lower().startswith(b"content-length:"))
        return next(answers_in(head + await reader.readexactly(length)))


async def _echo(request: Request) -> Answer:
    request.caller = request.headers.get("X-Caller")
    return Answer(f'{{"length": {len(await read_body(request))}}}')


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with _server() as served:
        yield served


@asynccontextmanager
async def _server() -> AsyncIterator[Server]:
    app = create_app(bodies=BodyBudget(users=4, strangers=1))
    app[RESPONDER].handler = _echo
    served = Server(app)
    async with serving(app, shutdown_timeout=0.1) as served.url:
        yield served
        for writer in served.writers:
            writer.close()


async def holds(account: Account, count: int) -> bool:
    return account.held == count


async def test_what_strangers_announce_is_refused_once_there_is_no_room(server: Server) -> None:
    await server.announce(STRANGER, MIB - 10)
    await eventually(partial(holds, server.budget.strangers, MIB - 10))
    refused = await answer(await server.announce(STRANGER, 11))  # of which not a byte was sent
    assert (refused.status, refused.json["code"]) == (503, "upstream_unavailable")
    assert refused.headers["retry-after"] == "1"
    assert (await server.send(STRANGER, 10)).json == {"length": 10}


async def test_users_have_room_when_strangers_have_taken_all_of_theirs(server: Server) -> None:
    await server.announce(STRANGER, MIB)
    await eventually(partial(holds, server.budget.strangers, MIB))
    assert (await server.send(KNOWN, MIB)).json == {"length": MIB}


async def test_one_user_cannot_take_all_the_room_of_users(server: Server) -> None:
    await server.announce(KNOWN, MIB)
    await eventually(partial(holds, server.budget.users, MIB))
    assert (await server.send(KNOWN, 1)).status == 503
    assert (await server.send("X-Caller: bob", MIB)).json == {"length": MIB}


async def test_chunks_take_room_as_they_come(server: Server) -> None:
    chunked, half = f"{STRANGER}\r\nTransfer-Encoding: chunked", MIB // 2
    chunk = b"%x\r\n%b\r\n" % (half, b"x" * half)
    first = await server.begin(chunked, chunk)
    await eventually(partial(holds, server.budget.strangers, half))
    assert (await answer(await server.begin(chunked, chunk + b"1\r\nx\r\n"))).status == 503
    server.writers[0].write(b"0\r\n\r\n")
    assert (await answer(first)).json == {"length": half}


async def test_the_room_comes_back_however_a_request_ends(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.body.BODY_TIMEOUT", 0.2)
    assert (await answer(await server.announce(KNOWN, 1000))).status == 408
    await server.announce(KNOWN, 1000)
    server.writers[-1].close()
    await server.send(KNOWN, 1000)
    await eventually(partial(holds, server.budget.users, 0))
    assert not server.budget.users.held_by


async def test_control_without_reservations_everything_is_let_in(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "take", lambda *_: None)
    monkeypatch.setattr(Account, "give_back", lambda *_: None)
    await server.announce(STRANGER, MIB)
    assert (await server.send(STRANGER, MIB)).status == 200


def test_what_is_refused_is_not_taken() -> None:
    account = Account(limit=10, share=6)
    account.take("ada", 6)
    for owner, count in (("ada", 1), ("bob", 5)):
        with pytest.raises(Overloaded):
            account.take(owner, count)
    assert (account.held, account.held_by) == (6, {"ada": 6})
    account.give_back("ada", 2)
    assert (account.held, account.held_by) == (4, {"ada": 4})


async def test_memory_is_given_back_once_a_burst_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    bodies = BodyBudget()
    monkeypatch.setattr("shared.http.server.memory_release.trim", lambda: given.append(bodies.users.held))

    async def has_given(times: int) -> bool:
        return len(given) == times

    async with asyncio.TaskGroup() as group:
        looking = group.create_task(give_back_memory(bodies, interval=0.001))
        bodies.users.take("ada", 5 * MIB)
        bodies.users.give_back("ada", 5 * MIB)
        await eventually(partial(has_given, 1))
        bodies.users.take("ada", MIB)
        bodies.users.give_back("ada", MIB)  # not worth it
        bodies.users.take("ada", 5 * MIB)  # not over
        bodies.users.give_back("ada", 5 * MIB)
        await eventually(partial(has_given, 2))
        looking.cancel()
    assert given == [0, 0]
