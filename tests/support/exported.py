"""Exports as clients see them byte by byte, held up between their steps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import pytest

from shared.http.accept import CSV_TYPE
from shared.service import exports
from shared.service.exports import Export
from tests.support.client import Client

_OPEN = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%export'
"""
_KILL = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE '%export'
"""


def request_of(client: Client, path: str, accept: str = CSV_TYPE) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\nAccept: {accept}\r\n\r\n"
    return head.encode()


@dataclass
class Gate:
    """Between two steps each export waits until it is open; `waiting` do."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    held: list[Export] = field(default_factory=list)
    waiting: int = 0

    async def reached(self) -> bool:
        return self.waiting > 0


def hold(monkeypatch: pytest.MonkeyPatch, rows: int = 2) -> Gate:
    """Steps are of so few rows that there are several."""
    gate, more = Gate(), Export.more

    async def held(export: Export) -> str:
        if export.after:
            gate.held.append(export)
            gate.waiting += 1
            try:
                await gate.open.wait()
            finally:
                gate.waiting -= 1
        return await more(export)

    monkeypatch.setattr(exports, "ROWS_OF_STEP", rows)
    monkeypatch.setattr(Export, "more", held)
    return gate


@dataclass(frozen=True)
class Database:
    """The connections that exports have to a service's database."""

    connection: "asyncpg.Connection[asyncpg.Record]"

    async def open_exports(self) -> int:
        count: int = await self.connection.fetchval(_OPEN)
        return count

    async def has_none(self) -> bool:
        return await self.open_exports() == 0

    async def kill_exports(self) -> int:
        killed: int = await self.connection.fetchval(_KILL)
        return killed


@asynccontextmanager
async def database_at(superuser_url: str) -> AsyncIterator[Database]:
    connection = await asyncpg.connect(superuser_url, timeout=10)
    try:
        yield Database(connection)
    finally:
        await connection.close()
