"""Gateways to ask, services that record what reaches them, and a Redis that may be broken."""

import asyncio
import re
import secrets
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from stack.services import SERVICE_NAMES
from tests.support.client import Client, client_token
from tests.support.databases import redis_url
from tests.support.eventually import eventually
from tests.support.internal_keys import internal_settings

CLIENT_SECRET = secrets.token_hex(32)
NOWHERE = "http://127.0.0.1:1"
"""An address where nothing listens."""

LIMIT_HEADERS = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit-Policy", "RateLimit"}
"""Every answer has these from the limiter on."""

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def _plain(_: web.Request) -> web.StreamResponse:
    return web.json_response({"data": []})


@dataclass
class Received:
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Upstream:
    """A service of the test's own: keeps what it got, answers as the test says."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answer: Answer = _plain
    live: bool = True
    looks: int = 0
    """How often its health was looked at."""
    ready_looks: int = 0
    """How often somebody asked whether it can work."""

    async def health(self, _: web.Request) -> web.Response:
        self.looks += 1
        return web.Response(status=200 if self.live else 503)

    async def ready(self, _: web.Request) -> web.Response:
        self.ready_looks += 1
        return web.Response(status=200 if self.live else 503)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.received.append(Received(request.method, request.raw_path, list(request.headers.items()), body))
        return await self.answer(request)


@dataclass
class Accounts(Upstream):
    """Stands in for accounts: publishes these keys, lists what it has revoked, and keeps what else reaches it."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    revocations: list[dict[str, Any]] = field(default_factory=list)
    is_down: bool = False
    asked: list[str] = field(default_factory=list)
    """The `Authorization` of each request for keys or revocations."""

    def refuse_tokens(self, issuer: str, organisation: int, subject: str, before: int) -> None:
        self._add("subject", issuer=issuer, organisation_id=organisation, subject=subject, before=before)

    def suspend(self, organisation: int) -> None:
        self._add("suspended", organisation_id=organisation)

    def resume(self, organisation: int) -> None:
        self._add("resumed", organisation_id=organisation)

    def _add(self, kind: str, **members: Any) -> None:
        row = {"seq": len(self.revocations) + 1, "kind": kind, "issuer": None, "subject": None, "before": 0}
        self.revocations.append(row | members)

    async def key_set(self, request: web.Request) -> web.Response:
        return self._answered(request, {"keys": self.keys})

    async def listed(self, request: web.Request) -> web.Response:
        after = int(request.query["after"])
        rows = [row for row in self.revocations if row["seq"] > after][:1000]
        newest = max((row["seq"] for row in self.revocations), default=0)
        return self._answered(request, {"revocations": rows, "newest": newest})

    def _answered(self, request: web.Request, members: dict[str, Any]) -> web.Response:
        self.asked.append(request.headers.get("Authorization", ""))
        return web.Response(status=503) if self.is_down else web.json_response(members)


@dataclass
class Edge:
    """One gateway."""

    url: str
    http: aiohttp.ClientSession

    def client(self, token: str | None = None) -> Client:
        return Client(self.http, self.url, token, of_services=False)

    async def send(self, head: str, *, token: str | None = None, body: bytes = b"") -> tuple[int, bytes]:
        """Sends a request line and headers as they stand, characters up to U+00FF as one byte each.

        With `Expect: 100-continue` the body follows once it is asked for.
        """
        address = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        lines = [*head.split("\r\n"), f"Host: {address.netloc}", "Connection: close"]
        lines += [f"Authorization: Bearer {token}"] if token else []
        try:
            async with asyncio.timeout(10):
                writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
                if "100-continue" in head:
                    await reader.readuntil(b"\r\n\r\n")
                writer.write(body)
                answer = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", answer)
                answer += await reader.readexactly(int(length[1]) if length else 0)
        finally:
            writer.close()
        return int(answer.split(b" ", 2)[1]), answer


StartGateway = Callable[..., Awaitable[Edge]]


def settings(upstream_url: str, accounts_url: str) -> dict[str, Any]:
    return {
        **internal_settings("gateway"),
        "client_token_secret": SecretStr(CLIENT_SECRET),
        "redis_url": SecretStr(redis_url()),
        **{f"{name}_url": upstream_url for name in SERVICE_NAMES},
        "accounts_url": accounts_url,
        "address_rate_limit": 1_000_000,
    }


def new_token(organisation: int, **claims: Any) -> str:
    return client_token(CLIENT_SECRET, organisation, **claims)


@dataclass
class OwnRedis:
    """A Redis server that the test may freeze, kill and starve."""

    directory: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.directory / 'redis.sock'}"

    async def start(self) -> None:
        program = shutil.which("redis-server") or "redis-server"
        socket, directory = str(self.directory / "redis.sock"), str(self.directory)
        options = ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", directory]
        self.process = await asyncio.create_subprocess_exec(program, *options, stdout=asyncio.subprocess.DEVNULL)
        await eventually(self._answers)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def kill(self) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
        async with asyncio.timeout(10):
            await self.process.wait()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Redis]:
        async with Redis.from_url(self.url, socket_timeout=5) as client:
            yield client

    async def _answers(self) -> bool:
        try:
            async with self.client() as client:
                return bool(await client.ping())
        except (OSError, RedisError) as error:
            raise AssertionError from error
