"""How many requests may be at one service at once, and the queue of those that wait for their turn.

Each service has its own, so that a frozen one fills its own and leaves the others' alone. Within it organisations take
turns, so that one which sends more than can be answered waits, and is refused, by itself.
"""

import asyncio
import time
from typing import Final

from gateway.upstream.load_shedding import AverageWait, Overload
from gateway.upstream.loop_lag import LoopLag
from shared.concurrency.fairness import FairTurns, Organisation, Waiter
from shared.errors import Overloaded

_WEIGHT: Final = 1 / 32
"""Of the newest interval in their average."""
TICK: Final = 0.02
"""Seconds between two looks for those who have waited for too long."""
_LONGEST_INTERVAL: Final = 1.0
"""Seconds; a pause in which nobody came says nothing about how fast the next ones are served."""
MORE_FOR_OTHERS: Final = 8
"""One turn more for so many: no single organisation can have these, so another one's requests begin at once."""
SHARED: Final = 8
"""A single organisation has at most one turn of so many while there are others. What a service works on at once is what
another one's request finds before it there, and no service is much slower for having no more of it."""
COMPANY: Final = 1.0
"""Seconds for which an organisation counts as there after its last request."""
PLACES_FOR_OTHERS: Final = 16
"""One place in the queue of so many is kept for organisations that do not fill it."""


class Arrival:
    """A request that was let in and has not asked for its turn yet; it counts until it `end`s."""

    __slots__ = ("_bulkhead", "_organisation")

    def __init__(self, bulkhead: "Bulkhead", organisation: Organisation) -> None:
        self._bulkhead: Bulkhead | None = bulkhead
        self._organisation = organisation
        bulkhead.arrives(organisation)

    def end(self) -> None:
        """Can be said twice."""
        if self._bulkhead is not None:
            self._bulkhead.has_arrived(self._organisation)
            self._bulkhead = None


class Bulkhead:
    """`limit` requests have their turn at once, if all are of one organisation.

    Where there are several, each has at most a share of them, and there are a few more turns than otherwise. As many as
    `waiting` more requests may wait for theirs, of each organisation one in turn.
    """

    def __init__(self, limit: int, waiting: int, overload: Overload, lag: LoopLag) -> None:
        self._limit = limit
        self._most = limit + waiting
        self._most_waiting_of_one = waiting - waiting // PLACES_FOR_OTHERS
        self._overload = overload
        self._lag = lag
        self._turns = FairTurns(limit + limit // MORE_FOR_OTHERS, limit)
        self._newest: Organisation = None
        self._shared_until = 0.0
        self._sweep: asyncio.TimerHandle | None = None
        self._interval = 0.0
        self._average_wait = AverageWait()
        self._full_until = 0.0
        self._full_for: Organisation = None
        self._began = time.monotonic()
        self._loop = asyncio.get_running_loop()  # once: looking for it is a system call
        self.arriving = 0
        """Requests that have not asked for their turn yet: where the gateway itself is slow, they are many."""
        self._arriving: dict[Organisation, int] = {}

    def arrival(self, organisation: Organisation = None) -> Arrival | None:
        """To be asked for each newcomer before anything else is done for it; None: it has to be refused."""
        return Arrival(self, organisation) if self._has_room(organisation) else None

    def _has_room(self, organisation: Organisation) -> bool:
        if organisation == self._full_for and time.monotonic() < self._full_until:
            return False
        wait = self._wait(organisation)
        average = self._average_wait.with_newcomer(wait)
        if not self._is_full(organisation):
            is_modest = wait > 0 and self._is_modest(organisation)
            if not self._overload.refuses(wait, average, is_modest):
                return True
        # Waits only grow until somebody goes on, so there is no need to look again for each newcomer.
        self._full_for, self._full_until = organisation, time.monotonic() + TICK
        return False

    def _is_modest(self, organisation: Organisation) -> bool:
        """Whether it has less than half of what one organisation has here on average: it is not whom to refuse."""
        turns = self._turns
        own = self._arriving.get(organisation, 0) + turns.waiting.count_of(organisation) + turns.held_by(organisation)
        everybody = self.arriving + turns.waiting.count + turns.running
        return 2 * (own + 1) * self._organisations() <= everybody

    def _organisations(self) -> int:
        """How many are here, about."""
        return max(self._turns.organisations, self._turns.waiting.organisations, len(self._arriving), 1)

    def arrives(self, organisation: Organisation) -> None:
        self.arriving += 1
        self._arriving[organisation] = self._arriving.get(organisation, 0) + 1

    def has_arrived(self, organisation: Organisation) -> None:
        """One that was let in has asked for its turn, or never will."""
        self.arriving -= 1
        left = self._arriving[organisation] - 1
        if left:
            self._arriving[organisation] = left
        else:
            del self._arriving[organisation]
        self._full_until = 0.0

    def turn(self, timeout: float, organisation: Organisation = None) -> "Turn":
        """Waits for a turn and holds it; raises `Overloaded` when none comes within `timeout` seconds."""
        return Turn(self, timeout, organisation)

    async def begin(self, timeout: float, organisation: Organisation = None) -> None:
        """A turn that has to be `end`ed; raises `Overloaded`."""
        self._note_company(organisation)
        if not self._turns.take(organisation):
            await self._wait_for_turn(timeout, organisation)
        self._note_beginning()

    def end(self, organisation: Organisation = None) -> None:
        """Hands the turn on; `organisation` as it began."""
        self._full_until = 0.0
        self._turns.give_back(organisation)

    def _note_company(self, organisation: Organisation) -> None:
        """Several organisations are there from when their requests alternate until only one's have come for a while."""
        if organisation != self._newest:
            now = time.monotonic()
            if self._newest is not None and now - self._began < COMPANY:
                self._shared_until = now + COMPANY
                self._turns.most_of_one = max(1, self._limit // SHARED)
            self._newest = organisation
        elif self._turns.most_of_one < self._limit and time.monotonic() >= self._shared_until:
            self._turns.most_of_one = self._limit
            self._turns.hand_out()

    def _note_beginning(self) -> None:
        now = time.monotonic()
        self._interval += (min(now - self._began, _LONGEST_INTERVAL) - self._interval) * _WEIGHT
        self._began = now

    def _is_full(self, organisation: Organisation) -> bool:
        """Whether there is neither a turn nor a place to wait; both bounds leave room for other organisations."""
        turns = self._turns
        if turns.running + turns.waiting.count < self._limit:
            return False
        if turns.waiting.count_of(organisation) >= self._most_waiting_of_one:
            return True
        return turns.running + turns.waiting.count >= self._most

    def _wait(self, organisation: Organisation) -> float:
        """Seconds a newcomer has to expect: as long as those before it take, and no less than the first of its
        organisation has waited, or than it is since anybody's turn came.

        Before it are those of its own organisation, and as many of each other one. Where the loop is late, those that
        have their turn wait for the loop as well. As many as can have their turn at once are always let in: fewer could
        not show how fast they are served.
        """
        turns = self._turns
        waiting, running = turns.waiting, turns.running
        before = self.arriving + waiting.count
        if before + running < self._limit:
            return 0.0
        if self._lag.is_late:
            before += running
        if turns.most_of_one < self._limit:  # there are others
            own = self._arriving.get(organisation, 0) + waiting.count_of(organisation)
            if self._lag.is_late:
                own += turns.held_by(organisation)
            before = min(before, (own + 1) * self._organisations())
        expected = before * self._interval
        if not waiting.count:
            return expected
        first = waiting.first_of(organisation)
        return max(expected, time.monotonic() - (self._began if first is None else first.since))

    async def _wait_for_turn(self, timeout: float, organisation: Organisation) -> None:
        if self._is_full(organisation):
            raise Overloaded
        waiter = Waiter(self._loop.create_future(), organisation, timeout)
        self._turns.waiting.add(organisation, waiter)
        if self._sweep is None:
            self._sweep = self._loop.call_later(TICK, self._give_up_late)
        try:
            await waiter.turn
        except asyncio.CancelledError:
            self._turns.leave(waiter)
            raise

    def _give_up_late(self) -> None:
        """One timer for all who wait: one for each would cost as much as its turn."""
        now, waiting = time.monotonic(), self._turns.waiting
        for waiter in [each for each in waiting if each.until <= now and not each.turn.done()]:
            waiting.remove(waiter.organisation, waiter)
            waiter.turn.set_exception(Overloaded())
        self._sweep = self._loop.call_later(TICK, self._give_up_late) if waiting else None


class Turn:
    """Entered, it is one at a service; a class, since a generator costs four times as much on the hot path."""

    __slots__ = ("_bulkhead", "_organisation", "_timeout")

    def __init__(self, bulkhead: Bulkhead, timeout: float, organisation: Organisation) -> None:
        self._bulkhead = bulkhead
        self._timeout = timeout
        self._organisation = organisation

    async def __aenter__(self) -> None:
        await self._bulkhead.begin(self._timeout, self._organisation)

    async def __aexit__(self, *_: object) -> None:
        self._bulkhead.end(self._organisation)
