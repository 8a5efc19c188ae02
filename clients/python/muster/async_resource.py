"""What resources have in common, for those who await."""

from collections.abc import Mapping
from typing import Any, TypeVar, Unpack

from muster.asked import Answer
from muster.asking import Asked, Row, either_of, request_of, row_of
from muster.async_transport import AsyncTransport
from muster.exported import AsyncExport, silence_of
from muster.listing import AsyncListing, Item
from muster.model import Model
from muster.watching import SILENCE_SECONDS, AsyncWatching

Shown = TypeVar("Shown", bound=Model)


class AsyncResource:
    """As `muster.resource.Resource`: all methods raise `ApiError` for what is refused, `Unreachable` or
    `CutShort` where there is no answer, `Unexpected` for one that is not understood, and `BadInput` for what cannot be
    sent."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def _one(self, kind: type[Row], method: str, path: str, **asked: Unpack[Asked]) -> Row:
        return row_of(kind, await self._transport.ask(request_of(method, path, asked)), asked)

    async def _whole(self, kind: type[Row], method: str, path: str, **asked: Unpack[Asked]) -> Row:
        return row_of(kind, await self._transport.ask(request_of(method, path, asked)), asked, whole=True)

    async def _either(self, kind: Any, method: str, path: str, **asked: Unpack[Asked]) -> Any:
        return either_of(kind, await self._transport.ask(request_of(method, path, asked)))

    async def _nothing(self, method: str, path: str, **asked: Unpack[Asked]) -> None:
        await self._transport.ask(request_of(method, path, asked))

    async def _text(self, accept: str, method: str, path: str, **asked: Unpack[Asked]) -> str:
        return (await self._file(accept, method, path, **asked)).decode()

    async def _file(self, accept: str, method: str, path: str, **asked: Unpack[Asked]) -> bytes:
        answer = await self._transport.read(request_of(method, path, asked, accept=accept))
        return b"" if answer.data is None else bytes(answer.data)

    def _list(self, kind: type[Item], path: str, **asked: Unpack[Asked]) -> AsyncListing[Item]:
        async def ask(query: Mapping[str, Any]) -> Answer:
            return await self._transport.ask(request_of("GET", path, {**asked, "query": query}))

        return AsyncListing(ask, kind, asked.get("query", {}))

    def _export(self, media_type: str, path: str, **asked: Unpack[Asked]) -> AsyncExport:
        silence = silence_of(media_type)
        return AsyncExport(
            self._transport.open(request_of("GET", path, asked, accept=media_type, silence=silence)), media_type
        )

    def _watch(self, kind: type[Shown], path: str, **asked: Unpack[Asked]) -> AsyncWatching[Shown]:
        return AsyncWatching(
            lambda more: self._transport.open(
                request_of("GET", path, {**asked, **more}, accept="text/event-stream", silence=SILENCE_SECONDS)
            ),
            kind,
            self._transport.wait,
        )
