"""What resources have in common, for those who wait."""

from collections.abc import Mapping
from typing import Any, TypeVar, Unpack

from muster.asked import Answer
from muster.asking import Asked, Row, either_of, request_of, row_of
from muster.exported import Export, silence_of
from muster.listing import Item, Listing
from muster.model import Model
from muster.transport import Transport
from muster.watching import SILENCE_SECONDS, Watching

Shown = TypeVar("Shown", bound=Model)


class Resource:
    """All methods raise `ApiError` for what is refused, `Unreachable` or
    `CutShort` where there is no answer, `Unexpected` for one that is not understood, and `BadInput` for what cannot be
    sent."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _one(self, kind: type[Row], method: str, path: str, **asked: Unpack[Asked]) -> Row:
        return row_of(kind, self._transport.ask(request_of(method, path, asked)), asked)

    def _whole(self, kind: type[Row], method: str, path: str, **asked: Unpack[Asked]) -> Row:
        return row_of(kind, self._transport.ask(request_of(method, path, asked)), asked, whole=True)

    def _either(self, kind: Any, method: str, path: str, **asked: Unpack[Asked]) -> Any:
        return either_of(kind, self._transport.ask(request_of(method, path, asked)))

    def _nothing(self, method: str, path: str, **asked: Unpack[Asked]) -> None:
        self._transport.ask(request_of(method, path, asked))

    def _text(self, accept: str, method: str, path: str, **asked: Unpack[Asked]) -> str:
        return self._file(accept, method, path, **asked).decode()

    def _file(self, accept: str, method: str, path: str, **asked: Unpack[Asked]) -> bytes:
        answer = self._transport.read(request_of(method, path, asked, accept=accept))
        return b"" if answer.data is None else bytes(answer.data)

    def _list(self, kind: type[Item], path: str, **asked: Unpack[Asked]) -> Listing[Item]:
        def ask(query: Mapping[str, Any]) -> Answer:
            return self._transport.ask(request_of("GET", path, {**asked, "query": query}))

        return Listing(ask, kind, asked.get("query", {}))

    def _export(self, media_type: str, path: str, **asked: Unpack[Asked]) -> Export:
        silence = silence_of(media_type)
        return Export(
            self._transport.open(request_of("GET", path, asked, accept=media_type, silence=silence)), media_type
        )

    def _watch(self, kind: type[Shown], path: str, **asked: Unpack[Asked]) -> Watching[Shown]:
        return Watching(
            lambda more: self._transport.open(
                request_of("GET", path, {**asked, **more}, accept="text/event-stream", silence=SILENCE_SECONDS)
            ),
            kind,
            self._transport.wait,
        )
