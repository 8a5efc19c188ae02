"""A client that watches sessions: it stays connected, and reads server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.support.client import Client
from tests.support.world import SESSIONS

DEADLINE = 20.0


@dataclass
class Shown:
    """One event; `data` is None for `retry` and for comments."""

    event_id: str = ""
    name: str = ""
    data: Any = None
    retry: int | None = None


@dataclass
class Watching:
    response: aiohttp.ClientResponse
    received: bytes = b""
    comments: int = 0
    all: list[Shown] = field(default_factory=list)

    async def next(self) -> Shown:
        """The next event, or what says how long to wait; raises `EOFError` at the end of the stream.

        Comments come all the time, so they are no reason to wait longer.
        """
        async with asyncio.timeout(DEADLINE):
            while (shown := _shown(await self._block())) is None:
                self.comments += 1
        self.all.append(shown)
        return shown

    async def until(self, **expected: Any) -> Shown:
        """The first event with these members."""
        async with asyncio.timeout(DEADLINE):
            while True:
                shown = await self.next()
                if shown.data is not None and expected.items() <= shown.data.items():
                    return shown

    async def comment(self) -> None:
        """Waits for one."""
        before = self.comments
        while self.comments == before:
            block = await self._block()
            assert _shown(block) is None, block
            self.comments += 1

    async def _block(self) -> bytes:
        async with asyncio.timeout(DEADLINE):
            while b"\n\n" not in self.received:
                piece = await self.response.content.readany()
                if not piece:
                    raise EOFError
                self.received += piece
        block, _, self.received = self.received.partition(b"\n\n")
        return block


def _shown(block: bytes) -> Shown | None:
    fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith(":"))
    if not fields:
        return None
    data = json.loads(fields["data"]) if "data" in fields else None
    retry = int(fields["retry"]) if "retry" in fields else None
    return Shown(fields.get("id", ""), fields.get("event", ""), data, retry)


@asynccontextmanager
async def watching(client: Client, *session_ids: int, last: str | None = None) -> AsyncIterator[Watching]:
    """One session by its own path; several by their ids."""
    alone = f"/{session_ids[0]}/live"
    path = alone if len(session_ids) == 1 else f"/live?sessions={','.join(map(str, session_ids))}"
    headers = {"Authorization": f"Bearer {client.token}"} | ({} if last is None else {"Last-Event-ID": last})
    endless = aiohttp.ClientTimeout(total=None)
    async with client.http.get(client.url + SESSIONS + path, headers=headers, timeout=endless) as response:
        assert response.status == 200, await response.text()
        yield Watching(response)
