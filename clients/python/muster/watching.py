"""Streams of server-sent events (WHATWG HTML, section 9.2): what is shown now, and each change of it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from muster.asked import AsyncStream, Stream
from muster.asking import Asked, model_of
from muster.errors import CutShort, Unexpected
from muster.model import Model

SILENCE_SECONDS: Final = 45.0
"""Of a stream that says after 15 seconds at the latest that it is alive."""
MOST_BYTES: Final = 1024 * 1024
"""Of one event."""
_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_REMOVED: Final = "removed"
Shown = TypeVar("Shown", bound=Model)


@dataclass(frozen=True)
class Seen(Generic[Shown]):
    """An event. `data` is None for one of another kind, as `removed`; `raw` is always there."""

    event: str
    data: Shown | None
    raw: Any


class _Reader(Generic[Shown]):
    """Lines into events; keeps what to go on from."""

    def __init__(self, kind: type[Shown]) -> None:
        self._kind = kind
        self._rest = b""
        self._fields: dict[str, list[str]] = {}
        self.last_id: str | None = None
        self.pause = _PAUSE_SECONDS
        self.is_over = False

    def begin(self) -> Asked:
        """What a new connection asks besides."""
        self._rest, self._fields = b"", {}
        return {} if self.last_id is None else {"last_event_id": self.last_id}

    def add(self, piece: bytes) -> Iterator[Seen[Shown]]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > MOST_BYTES:
            raise Unexpected("The server sent an event without an end.")
        for line in lines:
            text = line.removesuffix(b"\r").decode(errors="replace")
            if text:
                name, _, value = text.partition(":")
                self._fields.setdefault(name, []).append(value.removeprefix(" "))
            elif (seen := self._ended()) is not None:
                yield seen

    def _ended(self) -> Seen[Shown] | None:
        fields, self._fields = self._fields, {}
        if "retry" in fields and fields["retry"][-1].isdigit():
            self.pause = min(int(fields["retry"][-1]) / 1000, _LONGEST_PAUSE)
        if "id" in fields:
            self.last_id = fields["id"][-1]
        if "data" not in fields:
            return None
        event = fields.get("event", ["message"])[-1]
        self.is_over = event == _REMOVED
        try:
            raw = json.loads("\n".join(fields["data"]))
        except ValueError as error:
            raise Unexpected("The server sent an event that is no JSON.") from error
        return Seen(event, None if self.is_over else model_of(self._kind, raw), raw)


class Watching(Generic[Shown]):
    """`for seen in client.sessions.watch(8): …`: what is now, and then each change, across breaks of the connection.

    It ends when what is watched is gone.
    """

    def __init__(
        self,
        connect: Callable[[Asked], AbstractContextManager[Stream]],
        kind: type[Shown],
        wait: Callable[[float], None],
    ) -> None:
        self._connect = connect
        self._kind = kind
        self._wait = wait

    def __iter__(self) -> Iterator[Seen[Shown]]:
        reader = _Reader(self._kind)
        while not reader.is_over:
            try:
                with self._connect(reader.begin()) as stream:
                    for piece in stream.pieces:
                        yield from reader.add(piece)
            except CutShort:
                pass
            if not reader.is_over:
                self._wait(reader.pause)


class AsyncWatching(Generic[Shown]):
    """As `Watching`."""

    def __init__(
        self,
        connect: Callable[[Asked], AbstractAsyncContextManager[AsyncStream]],
        kind: type[Shown],
        wait: Callable[[float], Awaitable[None]],
    ) -> None:
        self._connect = connect
        self._kind = kind
        self._wait = wait

    async def __aiter__(self) -> AsyncIterator[Seen[Shown]]:
        reader = _Reader(self._kind)
        while not reader.is_over:
            try:
                async with self._connect(reader.begin()) as stream:
                    async for piece in stream.pieces:
                        for seen in reader.add(piece):
                            yield seen
            except CutShort:
                pass
            if not reader.is_over:
                await self._wait(reader.pause)
