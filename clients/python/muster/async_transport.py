"""Requests to the server, by those who await its answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import httpx

from muster.asked import MOST_BYTES, Answer, AsyncStream, Failed, Limits, Request
from muster.conversation import NeedToken, Pause, Read, Result, Send, Step, Steps, answered, begun, read
from muster.errors import CutShort
from muster.settings import Settings
from muster.tokens import tokens_of
from muster.wire import BROKEN, arguments, failed, reason_of, settings_of_client, wrong_address


def _ignore(text: str) -> None:
    pass


class AsyncTransport:
    """As `muster.transport.Transport`. Tasks of one event loop may share it."""

    def __init__(
        self,
        settings: Settings,
        *,
        notify: Callable[[str], None] = _ignore,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        through: httpx.AsyncBaseTransport | None = None,
        limits: Limits | None = None,
        saved: Callable[[str], None] = _ignore,
    ) -> None:
        self._settings = settings
        self._notify = notify
        self._wait = wait
        self._limits = limits or Limits()
        self._reached = False
        try:
            self._client = httpx.AsyncClient(**settings_of_client(settings.url), transport=through)
        except httpx.InvalidURL as error:
            raise wrong_address(error) from error
        self._tokens = tokens_of(settings, self._limits, saved)
        self._renewing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, request: Request) -> Answer:
        """The answer as JSON. Raises `ApiError`, `Unreachable` or `CutShort`."""
        return await self._carry_out(answered(request, self._limits, self._settings.url))

    async def read(self, request: Request) -> Answer:
        """The answer as bytes."""
        return await self._carry_out(read(request, self._limits, self._settings.url))

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[AsyncStream]:
        """The answer to any request, while it comes."""
        safe = request.is_safe or request.method == "GET"
        steps = begun(replace(request, is_streamed=True, is_safe=safe), self._limits, self._settings.url)
        reply: Any = await self._carry_out(steps)
        try:
            yield AsyncStream(reply.headers, _pieces(reply))
        finally:
            await reply.aclose()

    async def wait(self, seconds: float) -> None:
        await self._wait(seconds)

    async def _carry_out(self, steps: Steps[Result]) -> Result:
        """Does what the conversation wants, until it has its result."""
        came: Any = None
        while True:
            try:
                step = steps.send(came)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            came = await self._done(step)

    async def _done(self, step: Step) -> Any:
        match step:
            case Send(request, token):
                return await self._sent(request, token)
            case Read(reply):
                return await self._read(reply)
            case NeedToken(seconds, refused):
                async with self._renewing:
                    return await self._carry_out(self._tokens.current(seconds, refused))
            case Pause(seconds, why):
                self._notify(f"{why} The next try is in {seconds:g} s.")
                await self._wait(seconds)
                return None

    async def _sent(self, request: Request, token: str | None) -> httpx.Response | Failed:
        try:
            response = await self._client.send(
                self._client.build_request(**_awaited(arguments(request, token))), stream=True
            )
        except httpx.TransportError as error:
            return failed(error, was_reached=self._reached)
        self._reached = True
        return response

    async def _read(self, response: Any) -> bytes | Failed | None:
        body = bytearray()
        try:
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    return None
        except BROKEN as error:
            return failed(error, was_reached=True)
        finally:
            await response.aclose()
        return bytes(body)


def _awaited(made: dict[str, Any]) -> dict[str, Any]:
    """httpx takes no plain iterator here."""
    content = made["content"]
    if content is not None and not hasattr(content, "__aiter__"):
        made["content"] = _one_by_one(content)
    return made


async def _one_by_one(pieces: Any) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in response.aiter_bytes():
            yield piece
    except BROKEN as error:
        raise CutShort(f"The connection was lost before the end: {reason_of(error)}") from error
