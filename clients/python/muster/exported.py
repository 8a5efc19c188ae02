"""Lists that come whole, as CSV or NDJSON, in one stream."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import Final

from muster.asked import AsyncStream, Stream
from muster.errors import CutShort, Unexpected
from muster.rows import RowCounter

SILENCE_SECONDS: Final = 90.0
SPREADSHEET_SECONDS: Final = 630.0
"""A spreadsheet is made whole before any of it comes, within ten minutes."""
CSV: Final = "text/csv"
NDJSON: Final = "application/x-ndjson"


def silence_of(media_type: str) -> float:
    return SILENCE_SECONDS if media_type in (CSV, NDJSON) else SPREADSHEET_SECONDS


class _Checked:
    """Whether an export is whole: the server says at its end why it is not."""

    def __init__(self, media_type: str) -> None:
        self._counter = RowCounter(is_csv=media_type == CSV) if media_type in (CSV, NDJSON) else None

    def add(self, piece: bytes) -> bytes:
        if self._counter is not None:
            self._counter.add(piece)
        return piece

    def end(self, error: CutShort | None = None) -> None:
        """Raises `CutShort`, with the server's own reason where it gave one."""
        if self._counter is not None and (reason := self._counter.error()):
            raise CutShort(f"The export failed: {reason}") from error
        if error is not None:
            raise error


class Export:
    """`with client.courses.export() as export: for piece in export: …`: bytes as they come, or `lines()` of them."""

    def __init__(self, opened: AbstractContextManager[Stream], media_type: str) -> None:
        self._opened = opened
        self._media_type = media_type
        self._stream: Stream | None = None

    def __enter__(self) -> "Export":
        self._stream = self._opened.__enter__()
        if not self._stream.headers.get("Content-Type", "").startswith(self._media_type):
            self._opened.__exit__(None, None, None)
            raise Unexpected(f"The server sent no {self._media_type}.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    @property
    def event_cursor(self) -> str | None:
        """From here `client.events.follow(after=…)` goes on with what changed later."""
        return None if self._stream is None else self._stream.headers.get("X-Event-Cursor")

    def __iter__(self) -> Iterator[bytes]:
        """Raises `CutShort` where it ends before its end."""
        if self._stream is None:
            raise RuntimeError("an export is read in a with block")
        checked = _Checked(self._media_type)
        try:
            for piece in self._stream.pieces:
                yield checked.add(piece)
        except CutShort as error:
            checked.end(error)
        checked.end()

    def lines(self) -> Iterator[str]:
        """Of text, each without its end."""
        rest = b""
        for piece in self:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line.removesuffix(b"\r").decode()
        if rest:
            yield rest.decode()


class AsyncExport:
    """As `Export`."""

    def __init__(self, opened: AbstractAsyncContextManager[AsyncStream], media_type: str) -> None:
        self._opened = opened
        self._media_type = media_type
        self._stream: AsyncStream | None = None

    async def __aenter__(self) -> "AsyncExport":
        self._stream = await self._opened.__aenter__()
        if not self._stream.headers.get("Content-Type", "").startswith(self._media_type):
            await self._opened.__aexit__(None, None, None)
            raise Unexpected(f"The server sent no {self._media_type}.")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.__aexit__(kind, error, trace)

    @property
    def event_cursor(self) -> str | None:
        return None if self._stream is None else self._stream.headers.get("X-Event-Cursor")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Raises `CutShort` where it ends before its end."""
        if self._stream is None:
            raise RuntimeError("an export is read in an async with block")
        checked = _Checked(self._media_type)
        try:
            async for piece in self._stream.pieces:
                yield checked.add(piece)
        except CutShort as error:
            checked.end(error)
        checked.end()
