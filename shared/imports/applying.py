"""The lines of one import are applied in batches, each of which is one transaction that also stores how far the job is.

So whoever takes the job of a process that was killed goes on at the same line, and nothing is done twice.
Two batches that are about different rows are under way side by side, so that the database works on one while the
other's next statement is made; they are committed in the order of the file (decision 28).
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self, TypeVar

from shared.concurrency.backoff import Backoff
from shared.concurrency.turns import in_turns
from shared.errors import Unavailable
from shared.imports import work_store
from shared.imports.checked import validated
from shared.imports.job import Job, Result
from shared.imports.kind import Applied, ImportKind, Outcome
from shared.imports.lines import Line
from shared.messaging.outbox import put_in_bulk
from shared.metrics.imports import ImportMetrics
from shared.postgres.pool import Connection, Pool, transaction
from shared.validation.fields import MAX_ID

T = TypeVar("T")

BATCH: Final = 500
"""Lines of one transaction at most."""
TASK: Final = "import batch"


class NotAhead(Exception):
    """What the batch made of its lines may differ from what it will once the one before is done: it is to be applied
    again, behind it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines in a row. `first` counts those of the file that precede them; `bodies` are what they say, or the lines
    themselves with their errors. Two batches that share no `keys` may be applied side by side; None: with no other."""

    first: int
    lines: Sequence[Line]
    bodies: Sequence[Any]
    bytes_read: int
    keys: frozenset[Hashable] | None

    @classmethod
    async def of(cls, kind: ImportKind[Any], first: int, lines: Sequence[Line], bytes_read: int) -> Self:
        bodies = await in_turns(lambda line: validated(line, kind.fields), lines)
        good = (body for body in bodies if not isinstance(body, Line))
        keys = None if kind.keys is None else frozenset(key for body in good for key in kind.keys(body))
        return cls(first, lines, bodies, bytes_read, keys)

    @property
    def end(self) -> int:
        return self.first + len(self.lines)

    def part(self, start: int, end: int) -> Self:
        """Those of its lines between these places in the file."""
        chosen = slice(start - self.first, end - self.first)
        return type(self)(start, self.lines[chosen], self.bodies[chosen], self.bytes_read, self.keys)

    def is_apart_from(self, other: Self) -> bool:
        return self.keys is not None and other.keys is not None and self.keys.isdisjoint(other.keys)


class _UnderWay(NamedTuple):
    batch: Batch
    task: asyncio.Task[None]

    async def is_done(self) -> bool:
        """Once it has ended: whether it was committed."""
        await asyncio.wait({self.task})
        return not self.task.cancelled() and self.task.exception() is None


class Applying:
    """`backoff` is for the pauses while the database is not available."""

    def __init__(
        self, pool: Pool, kind: ImportKind[Any], job: Job, backoff: Backoff, metrics: ImportMetrics | None = None
    ) -> None:
        self._pool = pool
        self._kind = kind
        self._job = job
        self._backoff = backoff
        self._metrics = metrics or ImportMetrics()
        self._size = BATCH
        self._under_way: _UnderWay | None = None

    async def add(self, batch: Batch) -> None:
        """Begins with the batch, and returns when the one before is done. Raises `JobLost`."""
        before = self._under_way
        if before is not None and not batch.is_apart_from(before.batch):
            await self.settle()
            before = None
        task = asyncio.create_task(self._apply_ahead(batch, before), name=TASK)
        self._under_way = _UnderWay(batch, task)
        if before is not None:
            await self._settled(before)

    async def settle(self) -> None:
        """Returns when all batches are done. Raises `JobLost`."""
        last, self._under_way = self._under_way, None
        if last is not None:
            await self._settled(last)

    async def stop(self) -> None:
        """Leaves what is under way undone."""
        last, self._under_way = self._under_way, None
        if last is not None:
            last.task.cancel()
            await asyncio.wait({last.task})

    async def _settled(self, under_way: _UnderWay) -> None:
        try:
            await under_way.task
        except (Unavailable, NotAhead):
            await self._apply(under_way.batch)

    async def _apply(self, batch: Batch) -> None:
        """With no other beside it. One that takes too long is tried again in smaller parts."""
        while self._job.lines < batch.end:
            first = self._job.lines
            try:
                await self._apply_alone(batch.part(first, min(first + self._size, batch.end)))
            except Unavailable:
                self._size = max(1, self._size // 2)
                await asyncio.sleep(self._backoff.next())
            else:
                self._backoff.reset()
                self._size = min(BATCH, self._size * 2)

    async def _apply_alone(self, batch: Batch) -> None:
        """Where the answer to a commit was lost, it finds that the lines were done then."""
        job = self._job
        async with transaction(self._pool, [job.organisation_id]) as connection:
            held = await work_store.hold(connection, job)
            done = held.lines
            if done < batch.first:
                raise RuntimeError(f"{done} lines are done, where {batch.first} were")
            if done == batch.first:
                result = await self._result(connection, batch)
                await work_store.advance(connection, job, held, result, batch.bytes_read)
        if done == batch.first:
            self._count(result)
            done = batch.end
        job.lines = done

    def _count(self, result: Result) -> None:
        """Once it is committed."""
        self._metrics.count(self._kind.name, {outcome.value: number for outcome, number in result.counts.items()})

    async def _apply_ahead(self, batch: Batch, before: _UnderWay | None) -> None:
        """Beside the batch before, and committed behind it. Raises `NotAhead` where that one failed, or where a line is
        refused, which need not be so once the other is done."""
        job = self._job
        async with transaction(self._pool, [job.organisation_id]) as connection:
            await put_in_bulk(connection, more=True)
            result = await self._result(connection, batch)
            if before is not None and not (await before.is_done() and not result.refused_by_rows):
                raise NotAhead
            held = await work_store.hold(connection, job)
            if held.lines != batch.first:
                raise NotAhead
            await work_store.advance(connection, job, held, result, batch.bytes_read)
        self._count(result)
        job.lines = batch.end

    async def _result(self, connection: Connection, batch: Batch) -> Result:
        good = [body for body in batch.bodies if not isinstance(body, Line)]
        applied = iter(await self._applied(connection, good))
        result = Result()
        for line, body in zip(batch.lines, batch.bodies, strict=True):
            if isinstance(body, Line):
                result.add(body, Applied(Outcome.REFUSED, _id_in(body), body.errors))
            else:
                one = _named(next(applied), line)
                result.add(line, one)
                result.refused_by_rows += one.outcome is Outcome.REFUSED
        return result

    async def _applied(self, connection: Connection, bodies: Sequence[Any]) -> Sequence[Applied]:
        job = self._job
        if not bodies:
            return ()
        return await tried(
            connection, job, lambda: self._kind.apply(connection, job.organisation_id, bodies, job.actor)
        )


async def tried(connection: Connection, job: Job, change: Callable[[], Awaitable[T]]) -> T:
    """What comes of the change, of which a dry run leaves nothing."""
    if not job.dry_run:
        return await change()
    await connection.execute("SAVEPOINT dry_run")
    outcome = await change()
    await connection.execute("ROLLBACK TO SAVEPOINT dry_run")
    return outcome


def _named(applied: Applied, line: Line) -> Applied:
    """A line that is refused names its row too, if it says which: that row is there, and stays."""
    if applied.outcome is not Outcome.REFUSED or applied.row_id is not None:
        return applied
    return Applied(applied.outcome, _id_in(line), applied.errors)


def _id_in(line: Line) -> int | None:
    row_id = None if line.values is None else line.values.get("id")
    return row_id if type(row_id) is int and 1 <= row_id <= MAX_ID else None
