"""What a reader of news has not taken yet: the newest value of each key, however slow the reader is."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar


class Versioned(Protocol):
    """A later value of one key has a greater version."""

    @property
    def key(self) -> object: ...
    @property
    def version(self) -> int: ...


V = TypeVar("V", bound=Versioned)


class Newest(Generic[V]):
    """Values for one reader, who never sees an older one after a newer one, nor one twice.

    `seen` are the versions by key that the reader has already.
    """

    def __init__(self, seen: Mapping[Any, int] | None = None) -> None:
        self._seen: dict[object, int] = dict(seen or {})
        self._untaken: dict[object, V] = {}
        self._waiting: asyncio.Future[None] | None = None
        self.has_ended = False
        self._given: Callable[[V], None] | None = None

    def put(self, value: V) -> None:
        known = self._seen.get(value.key)
        if known is not None and value.version <= known:
            return
        self._seen[value.key] = value.version
        if self._given is not None:
            self._given(value)
        else:
            self._untaken[value.key] = value
            self._wake()

    def give_to(self, given: Callable[[V], None]) -> None:
        """From now on values are given to this function as they come, and what is untaken at once."""
        self._given = given
        for value in self._untaken.values():
            given(value)
        self._untaken.clear()

    def end(self) -> None:
        """The reader takes what is left, and then nothing more."""
        self.has_ended = True
        self._wake()

    async def take(self, patience: float) -> list[V]:
        """All that were not taken yet; none after `patience` seconds without any, or at the end."""
        if not self._untaken and not self.has_ended:
            await self._news(patience)
        taken = list(self._untaken.values())
        self._untaken.clear()
        return taken

    async def goes_on(self, seconds: float) -> bool:
        """Waits so long, or until the end; whether it has not come yet."""
        if not self.has_ended:
            await self._news(seconds)
        return not self.has_ended

    async def _news(self, patience: float) -> None:
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        timer = loop.call_later(patience, self._wake)
        try:
            await self._waiting
        finally:
            timer.cancel()
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
