"""A path of the catalog that goes over the lane, and what its service may do with it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from shared.http.request import Request
from shared.http.responses import Answer
from shared.http.stream_slots import until_cut
from tests.support.streams import Streaming

PATH = "/api/v1/training/courses/stream"
MOST = 2**20
"""Bytes of a body."""
PIECE = b"x" * 16_384


def asked(token: str, more: str = "", *, method: str = "GET", version: str = "1.1") -> bytes:
    head = f"{method} {PATH}?a=%20b HTTP/{version}\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
    return head.encode()


async def endless(_: Request) -> AsyncIterator[bytes]:
    while True:
        yield PIECE
        await asyncio.sleep(0)


async def silent(_: Request) -> AsyncIterator[bytes]:
    yield b"one"
    await asyncio.Event().wait()


def waits(service: Streaming) -> Callable[[Request], Awaitable[Answer]]:
    """Answers when the other side goes away, and no earlier."""

    async def answer(request: Request) -> Answer:
        await until_cut(service.responder.begin_stream(request), asyncio.Event().wait())
        raise AssertionError

    return answer


def counts(service: Streaming, bodies: list[bytes]) -> Callable[[Request], Awaitable[Answer]]:
    """Reads the body as it comes, and notes it once it is whole."""

    async def answer(request: Request) -> Answer:
        service.responder.begin_stream(request)
        request.most_bytes = 2 * MOST
        bodies.append(b"".join([chunk async for chunk in request.chunks()]))
        return Answer(f'{{"bytes": {len(bodies[-1])}}}')

    return answer
