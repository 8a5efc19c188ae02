"""Batches of what waits at the same time (architecture, principle 11).

While one call is in flight, later arrivals gather and form the next. Nothing waits for a batch to fill: alone, an item
goes at once in a batch of one; under load the batches grow by themselves.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from shared.concurrency.deadline import Deadline, current_deadline
from shared.concurrency.fairness import FairQueue, Organisation, current_organisation
from shared.concurrency.tasks import was_cancelled
from shared.errors import DeadlinePassed, Overloaded, Unavailable
from shared.observability import Trace, current_trace
from shared.tracing.spans import Batch

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

CHECK_INTERVAL: Final = 0.02
"""Seconds between two checks for items that have waited too long."""

Work = Callable[[Sequence[Item]], Awaitable[Sequence[Outcome | Exception]]]
"""Takes a batch and returns an outcome for each item, in the same order; an exception is one item's outcome."""


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Item, Outcome]):
    organisation: Organisation
    item: Item
    outcome: "asyncio.Future[Outcome]"
    deadline: Deadline | None
    since: float
    """By the batcher's clock."""
    trace: Trace

    def is_wanted(self) -> bool:
        """Whether somebody still waits for it: a client may have gone away, or its deadline may have passed."""
        if not self.outcome.done() and self.deadline is not None and not self.deadline.left():
            self.outcome.set_exception(DeadlinePassed())
        return not self.outcome.done()


class Batcher(Generic[Item, Outcome]):
    """Runs `work` on all items that wait together, at most `concurrency` batches of at most `size` at once.

    A batch has one item of each organisation in turn, so that many of one hold up nobody else's; those of a single
    organisation are in order of arrival.

    More than `waiting` items in the queue are refused with `Overloaded`, and so is one that has waited for its batch
    for `max_wait` seconds: where a batch is stuck, those behind it need not wait as long. `clock` gives seconds. `name`
    is that of its spans.
    """

    def __init__(
        self,
        work: Work[Item, Outcome],
        *,
        size: int = 500,
        waiting: int = 5_000,
        concurrency: int = 1,
        max_wait: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        name: str = "batch",
    ) -> None:
        self._work = work
        self._size = size
        self._limit = waiting
        self._concurrency = concurrency
        self._waiting: FairQueue[_Waiting[Item, Outcome]] = FairQueue()
        self._running: set[asyncio.Task[None]] = set()
        self._runners = 0
        self._max_wait = max_wait
        self._clock = clock
        self._name = name
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()  # once: looking for it is a system call

    async def submit(self, item: Item) -> Outcome:
        """The item's outcome; raises what `work` gave as its outcome, `Overloaded`, or `DeadlinePassed`.

        An item whose request's deadline passes before its turn is not worked on.
        """
        if len(self._waiting) >= self._limit:
            raise Overloaded
        future: asyncio.Future[Outcome] = self._loop.create_future()
        organisation = current_organisation.get()
        waiting = _Waiting(organisation, item, future, current_deadline.get(), self._clock(), current_trace.get())
        self._waiting.add(organisation, waiting)
        if self._max_wait is not None and self._timer is None:
            self._timer = self._loop.call_later(CHECK_INTERVAL, self._refuse_late, self._max_wait)
        if self._runners < self._concurrency:
            self._runners += 1
            # A batch serves many requests, so it must not log under the trace of the one that began it.
            task = asyncio.create_task(self._run(), context=Context())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await future

    def _refuse_late(self, max_wait: float) -> None:
        """One timer for all items; it ends with the queue."""
        since = self._clock() - max_wait
        for late in [each for each in self._waiting if each.since <= since]:
            self._waiting.remove(late.organisation, late)
            if not late.outcome.done():
                late.outcome.set_exception(Overloaded())
        self._timer = self._loop.call_later(CHECK_INTERVAL, self._refuse_late, max_wait) if self._waiting else None

    async def drain(self) -> None:
        """Returns when nothing waits and nothing runs."""
        while self._running:
            await asyncio.wait(self._running)

    async def _run(self) -> None:
        try:
            await self._empty_queue()
        finally:
            # In the same step as the last check of the queue: whoever comes next finds a runner or starts one.
            self._runners -= 1

    async def _empty_queue(self) -> None:
        while self._waiting:
            count = min(self._size, len(self._waiting))
            batch = [self._waiting.take() for _ in range(count)]
            wanted = [waiting for waiting in batch if waiting.is_wanted()]
            if wanted:
                with Batch(self._name) as traced:
                    traced.take(waiting.trace for waiting in wanted)
                    outcomes = await self._outcomes([waiting.item for waiting in wanted])
                _settle(wanted, outcomes)

    async def _outcomes(self, items: Sequence[Item]) -> Sequence[Outcome | Exception]:
        try:
            outcomes = await self._work(items)
            if len(outcomes) != len(items):
                raise ValueError(f"{len(outcomes)} outcomes for {len(items)} items")
            return outcomes
        except asyncio.CancelledError:
            if was_cancelled():
                raise
            return [Unavailable()] * len(items)  # nobody cancelled this: a library let it escape
        except Exception as error:
            return [error] * len(items)


def _settle(batch: Sequence[_Waiting[Item, Outcome]], outcomes: Sequence[Outcome | Exception]) -> None:
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if waiting.outcome.done():
            continue
        if isinstance(outcome, Exception):
            waiting.outcome.set_exception(outcome)
        else:
            waiting.outcome.set_result(outcome)


async def each(
    items: Sequence[Item],
    work: Callable[[Item], Awaitable[Outcome]],
    progress: Callable[[int], None],
    *,
    concurrency: int = 6,
) -> list[Outcome]:
    """Runs `work` on every item, a few at once; outcomes in the order of the items.

    `progress` is called after each with the number that is done. An exception ends it all and is raised in an
    ExceptionGroup.
    """
    outcomes: dict[int, Outcome] = {}
    waiting = iter(enumerate(items))

    async def worker() -> None:
        for position, item in waiting:
            outcomes[position] = await work(item)
            progress(len(outcomes))

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(worker())
    return [outcomes[position] for position in range(len(items))]
