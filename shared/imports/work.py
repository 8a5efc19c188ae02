"""One import under way: its file is read and applied by line, and then what it does not name may end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, Literal, NamedTuple, TypeVar

from shared.concurrency.backoff import Backoff
from shared.errors import Unavailable
from shared.imports import work_store
from shared.imports.applying import BATCH, Applying, Batch, tried
from shared.imports.job import Job
from shared.imports.kind import ImportKind
from shared.imports.lines import ImportRefused, Line, LineReader
from shared.imports.readers import reader_of
from shared.metrics.imports import ImportMetrics
from shared.postgres.pool import Connection, Pool, transaction

T = TypeVar("T")

ENDED_AT_ONCE: Final = 100
"""Rows that end in one transaction at most: each may cancel enrollments."""
LOOKED_UP_AT_ONCE: Final = 5000
PIECE: Final = 32 * 1024
"""Bytes that are read in one turn of the event loop."""
LONGEST_PAUSE: Final = 2.0
"""Seconds between two tries while the database is not available."""


class Ending(NamedTuple):
    """How an import ends, and what there is to say about it as a whole."""

    status: Literal["completed", "failed"]
    message: str | None = None


class Work:
    """`most_removed` is the share of the rows that mode `complete` may end."""

    def __init__(
        self, pool: Pool, kind: ImportKind[Any], job: Job, most_removed: float, metrics: ImportMetrics | None = None
    ) -> None:
        self._pool = pool
        self._kind = kind
        self._job = job
        self._most_removed = most_removed
        self._metrics = metrics
        self._bytes_read = 0
        self._backoff = Backoff(most=LONGEST_PAUSE)

    async def carry_out(self) -> Ending:
        """Goes on where the job is. Raises `JobLost`; waits for the database while it is not available."""
        try:
            await self._apply_lines()
        except ImportRefused as refused:
            return Ending("failed", refused.message)
        return await self._end_missing()

    async def finish(self, ending: Ending) -> work_store.Finished:
        """Raises `JobLost`."""

        async def work(connection: Connection) -> work_store.Finished:
            await work_store.hold(connection, self._job)
            return await work_store.finish(connection, self._job, *ending)

        return await self._persistently(work)

    async def _apply_lines(self) -> None:
        """Raises `ImportRefused` where nothing more of the file can be read: the lines before it are applied then."""
        applying = Applying(self._pool, self._kind, self._job, self._backoff, self._metrics)
        try:
            await self._add_lines(applying)
        finally:
            await applying.stop()

    async def _add_lines(self, applying: Applying) -> None:
        first, done = 0, self._job.lines
        try:
            async for lines in self._lines(self._reader()):
                start, first = first, first + len(lines)
                if left := lines[max(done - start, 0) :]:
                    batch = await Batch.of(self._kind, first - len(left), left, self._bytes_read)
                    await applying.add(batch)
        except ImportRefused:
            await applying.settle()
            raise
        await applying.settle()

    def _reader(self) -> LineReader:
        return reader_of(self._job.content_type, None, self._kind.fields)

    async def _lines(self, reader: LineReader) -> AsyncIterator[list[Line]]:
        """All of the file's, at most a batch at once. Raises `ImportRefused` behind the last that can be read."""
        lines: list[Line] = []
        try:
            async for some in self._some_lines(reader):
                for line in some:
                    lines.append(line)
                    if len(lines) == BATCH:
                        yield lines
                        lines = []
        except ImportRefused:
            yield lines
            raise
        yield lines

    async def _some_lines(self, reader: LineReader) -> AsyncIterator[Iterator[Line]]:
        """Those of one piece of the file after the other; others get their turn after each, also where it has none."""
        number, self._bytes_read = 0, 0
        while (part := await self._part(number)) is not None:
            for start in range(0, len(part), PIECE):
                yield reader.feed(part[start : start + PIECE])
                await asyncio.sleep(0)
            number += 1
            self._bytes_read += len(part)
        yield reader.close()

    async def _part(self, number: int) -> bytes | None:
        async def work(connection: Connection) -> bytes | None:
            await work_store.renew(connection, self._job)
            return await work_store.part(connection, self._job, number)

        return await self._persistently(work)

    async def _end_missing(self) -> Ending:
        if self._job.mode != "complete" or self._kind.end is None or self._kind.present is None:
            return Ending("completed")
        unnamed = await self._persistently(lambda connection: work_store.unnamed(connection, self._job))
        if unnamed:
            return Ending("completed", f"No row has ended: of {unnamed} refused lines nobody can say whose they are.")
        present_of, organisation_id = self._kind.present, self._job.organisation_id
        present = await self._persistently(lambda connection: present_of(connection, organisation_id))
        missing = await self._missing(present)
        if len(missing) > self._most_removed * len(present):
            return Ending("failed", _too_many(len(missing), len(present), self._most_removed))
        for row_ids in _grouped(missing, ENDED_AT_ONCE):
            await self._end(row_ids, self._kind.end)
        return Ending("completed")

    async def _missing(self, present: Sequence[int]) -> list[int]:
        missing: list[int] = []
        for row_ids in _grouped(present, LOOKED_UP_AT_ONCE):
            named = await self._named_among(row_ids)
            missing += [row_id for row_id in row_ids if row_id not in named]
        return missing

    async def _named_among(self, row_ids: Sequence[int]) -> set[int]:
        return await self._persistently(lambda connection: work_store.named_among(connection, self._job, row_ids))

    async def _end(self, row_ids: Sequence[int], end: Callable[..., Awaitable[int]]) -> None:
        job = self._job

        async def work(connection: Connection) -> None:
            await work_store.hold(connection, job)
            ended = await tried(connection, job, lambda: end(connection, job.organisation_id, row_ids, job.actor))
            await work_store.add_removed(connection, job, ended)

        await self._persistently(work)

    async def _persistently(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """What comes of the work, in a transaction of its own, as soon as the database is available."""
        while True:
            try:
                async with transaction(self._pool, [self._job.organisation_id]) as connection:
                    found = await work(connection)
            except Unavailable:
                await asyncio.sleep(self._backoff.next())
            else:
                self._backoff.reset()
                return found


def _grouped(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    iterator = iter(items)
    while group := list(islice(iterator, size)):
        yield group


def _too_many(missing: int, present: int, most: float) -> str:
    return (
        f"No row has ended: the file does not name {missing} of {present}, and at most a share of {most:g} may end at"
        " once (IMPORT_MOST_REMOVED)."
    )
