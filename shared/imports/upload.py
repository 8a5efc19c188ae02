"""Files on their way in: stored in parts as they come, before anything is done with them (decision 28)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

from shared.errors import Unavailable, ValidationFailed
from shared.http.errors import RequestTimeout, UnsupportedMediaType
from shared.http.routing import Call
from shared.imports import store
from shared.imports.errors import ImportEnded, TooManyImports
from shared.imports.kind import ImportKind
from shared.imports.lines import ImportRefused, LineReader
from shared.imports.models import MAX_BYTES, MOST_UNFINISHED, ImportQuery
from shared.imports.readers import reader_of
from shared.imports.unpacking import Unpacked
from shared.postgres.pool import Connection, Pool, transaction
from shared.service.chassis import POOL

T = TypeVar("T")

PART_BYTES: Final = 256 * 1024
UPLOAD_SECONDS: Final = 600.0
"""For a whole file, however steadily it drips."""
PAUSES: Final = (0.1, 0.5, 2.0)
"""Seconds between tries to store a part: a moment without a free connection costs nobody the whole file."""


async def receive(call: Call[ImportQuery, Any], kind: ImportKind[Any]) -> tuple[int, str]:
    """The import's id, and the import as JSON text, once all of its file is stored.

    Nothing is left of a file that does not come whole.

    Raises `UnsupportedMediaType`, `TooManyImports`, `ValidationFailed` for a file of which nothing can be read,
    `RequestTimeout`, `ImportEnded` if it was cancelled meanwhile, and what reading the body raises.
    """
    content_type = call.request.headers.get("Content-Type", "")
    reader = _reader(content_type, kind)
    pool, pieces = call.app[POOL], _checked(_pieces(call), reader)
    place = call.organisation_id, await _begin(pool, call, content_type)
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            size = await _store(pool, place, pieces)
            layout = _layout(reader)
            queued = await _again(pool, place, lambda connection: store.queue(connection, place, size, layout))
        if queued is None:
            raise ImportEnded
    except BaseException as error:
        await asyncio.shield(_forget(pool, place))
        if isinstance(error, TimeoutError):
            raise RequestTimeout from None
        raise
    return place[1], queued


def _reader(content_type: str, kind: ImportKind[Any]) -> LineReader:
    try:
        return reader_of(content_type, None, kind.fields)
    except ImportRefused as refused:
        raise UnsupportedMediaType(refused.message) from None


def _layout(reader: LineReader) -> store.FileLayout:
    layout = reader.layout
    return store.FileLayout(None, None) if layout is None else store.FileLayout(list(layout.columns), layout.separator)


def _pieces(call: Call[Any, Any]) -> AsyncIterator[bytes]:
    """Of the body, unpacked; raises `UnsupportedMediaType` for another `Content-Encoding` than gzip."""
    encodings = [each.strip().lower() for each in call.request.headers.getall("Content-Encoding", [])]
    if not encodings or encodings == ["identity"]:
        return call.request.chunks()
    if encodings not in (["gzip"], ["x-gzip"]):
        raise UnsupportedMediaType("The Content-Encoding must be gzip, or none.")
    return _unpacked(call.request.chunks())


async def _unpacked(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Raises `ImportRefused` and `PayloadTooLarge`."""
    unpacked = Unpacked(MAX_BYTES)
    async for chunk in chunks:
        for piece in unpacked.feed(chunk):
            yield piece
    unpacked.close()


async def _checked(pieces: AsyncIterator[bytes], reader: LineReader) -> AsyncIterator[bytes]:
    """The same pieces; raises `ValidationFailed` as soon as they show that nothing can be read of the file."""
    try:
        async for piece in pieces:
            reader.check(piece)
            yield piece
        reader.check_end()
    except ImportRefused as refused:
        raise ValidationFailed({"body": [refused.message]}) from None


async def _begin(pool: Pool, call: Call[ImportQuery, Any], content_type: str) -> int:
    async with transaction(pool, [call.organisation_id]) as connection:
        if await store.count_unfinished_alone(connection, call.organisation_id) >= MOST_UNFINISHED:
            raise TooManyImports
        return await store.begin(connection, call.organisation_id, call.query, content_type, call.actor)


async def _store(pool: Pool, place: tuple[int, int], pieces: AsyncIterator[bytes]) -> int:
    """Stores the file as it comes, and returns how long it is."""
    number, waiting = 0, bytearray()
    async for piece in pieces:
        waiting += piece
        while len(waiting) >= PART_BYTES:
            await _store_part(pool, place, number, bytes(waiting[:PART_BYTES]))
            del waiting[:PART_BYTES]
            number += 1
    await _store_part(pool, place, number, bytes(waiting))
    return number * PART_BYTES + len(waiting)


async def _store_part(pool: Pool, place: tuple[int, int], number: int, body: bytes) -> None:
    await _again(pool, place, lambda connection: store.add_part(connection, place, number, body))


async def _again(pool: Pool, place: tuple[int, int], work: Callable[[Connection], Awaitable[T]]) -> T:
    """What comes of the work, which may be done twice, in a transaction of its own. Raises `Unavailable` at last."""
    for pause in PAUSES:
        with contextlib.suppress(Unavailable):
            return await _done(pool, place, work)
        await asyncio.sleep(pause)
    return await _done(pool, place, work)


async def _done(pool: Pool, place: tuple[int, int], work: Callable[[Connection], Awaitable[T]]) -> T:
    async with transaction(pool, [place[0]]) as connection:
        return await work(connection)


async def _forget(pool: Pool, place: tuple[int, int]) -> None:
    """Where the database is not available either, the file is forgotten later (`shared.imports.runner`)."""
    with contextlib.suppress(Unavailable):
        await _again(pool, place, lambda connection: store.forget(connection, place))
