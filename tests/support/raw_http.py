"""A client that sends any bytes at all, and reads answers as strictly as RFC 9112 has them."""

import asyncio
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

DEADLINE = 20.0
PROBE = b"GET /health/live HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"
_LIVE = b'{"status": "live"}'


@dataclass(frozen=True)
class RawAnswer:
    """`headers` are in lower case; a repeated one has both values, joined by a comma."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Exchange:
    """What came of one connection: the answers to what was sent, and whether it took another request after them."""

    answers: Sequence[RawAnswer]
    kept: bool


class NotHttp(AssertionError):
    """What the server sent is no sequence of HTTP answers."""


async def exchange(url: str, *parts: bytes, to_head: bool = False) -> Exchange:
    """Sends the parts, each after the first one once the server has said something, and then a probe.

    A connection that was kept answers the probe, whose own body shows that it is not answered in the place of
    something else. The first answer `to_head` has no body. Raises `TimeoutError` when the server neither
    answers nor closes.
    """
    address = urlsplit(url)
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setblocking(False)
        async with asyncio.timeout(DEADLINE):
            await loop.sock_connect(connection, (address.hostname, address.port))
            received = b""
            for part in parts:
                await _send(loop, connection, part)
                received += await _receive(loop, connection)
            while received and not _has_final(received, to_head):
                more = await _receive(loop, connection)
                if not more:
                    break
                received += more
            await _send(loop, connection, PROBE)
            while more := await _receive(loop, connection):
                received += more
    answers = list(answers_in(received, to_head=to_head))
    kept = bool(answers) and (answers[-1].status, answers[-1].body) == (200, _LIVE)
    return Exchange(answers[:-1] if kept else answers, kept)


async def is_alive(url: str) -> bool:
    return (await exchange(url)).kept


def answers_in(received: bytes, *, to_head: bool = False) -> Iterator[RawAnswer]:
    """The final answers one after the other; raises `NotHttp` for any byte that belongs to none."""
    while received:
        head, end, rest = received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        version, _, status_and_reason = lines[0].partition(" ")
        status = status_and_reason[:3]
        if not end or version not in ("HTTP/1.1", "HTTP/1.0") or not status.isdigit():
            raise NotHttp(received[:200])
        headers = _headers(lines[1:])
        length = 0 if to_head else int(headers.get("content-length", "0"))
        if len(rest) < length:
            raise NotHttp(received[:200])
        if int(status) >= 200:
            yield RawAnswer(int(status), headers, rest[:length])
            to_head = False
        received = rest[length:]


def _headers(lines: Sequence[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise NotHttp(line)
        known = headers.get(name.lower())
        headers[name.lower()] = value.strip() if known is None else f"{known}, {value.strip()}"
    return headers


def _has_final(received: bytes, to_head: bool) -> bool:
    try:
        return next(answers_in(received, to_head=to_head), None) is not None
    except NotHttp:
        return False


async def _send(loop: asyncio.AbstractEventLoop, connection: socket.socket, data: bytes) -> None:
    try:
        await loop.sock_sendall(connection, data)
    except ConnectionError:
        return  # closed already: what was received before tells


async def _receive(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> bytes:
    """Nothing at the end of the connection, in whichever way it ends."""
    try:
        return await loop.sock_recv(connection, 65_536)
    except ConnectionError:
        return b""
