"""How many requests may be at one service at once, and the queue of those that wait.

Each service has its own, so that a frozen one fills its own and leaves the others' alone. Within it organisations are
served in turn, so that one which sends more than can be answered waits, and is refused, by itself.
"""

import time
from collections.abc import Callable
from typing import Final

from gateway.upstream.load_shedding import AverageWait, Overload
from gateway.upstream.loop_lag import LoopLag
from shared.concurrency.fair_semaphore import FairSemaphore
from shared.concurrency.fairness import Organisation
from shared.errors import Overloaded
from shared.time_spent import spend

_WEIGHT: Final = 1 / 32
"""Of the newest interval in their average."""
_MAX_INTERVAL: Final = 1.0
"""Seconds; a pause in which nobody came says nothing about how fast the next ones are served."""
REFUSAL_SECONDS: Final = 0.02
"""Seconds for which the refusal of one newcomer holds for the next ones of its organisation."""
LIMIT_PER_EXTRA: Final = 8
"""One permit more for so many of the limit: no single organisation can have these, so another one's requests begin at
once."""
LIMIT_PER_SHARE: Final = 8
"""A single organisation has at most one permit for so many of the limit while there are others. What a service works on
at once is what another one's request finds before it there, and no service is much slower for having no more of it."""
PRESENCE_SECONDS: Final = 1.0
"""Seconds for which an organisation counts as there after its last request."""
PLACES_PER_RESERVED: Final = 16
"""One place in the queue of so many is kept for organisations that do not fill it."""


class Bulkhead:
    """`limit` requests are at the service at once, if all are of one organisation.

    Where there are several, each has at most a share of that, and there are a few more permits than otherwise. As many
    as `waiting` more requests may wait for theirs, one of each organisation in turn. `clock` gives seconds.
    """

    def __init__(
        self,
        limit: int,
        waiting: int,
        overload: Overload,
        lag: LoopLag,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = limit
        self._max_present = limit + waiting
        self._max_waiting_per_organisation = waiting - waiting // PLACES_PER_RESERVED
        self._overload = overload
        self._lag = lag
        self._clock = clock
        self._permits = FairSemaphore(limit + limit // LIMIT_PER_EXTRA, limit, clock=clock)
        self._newest: Organisation = None
        self._shared_until = 0.0
        self._interval = 0.0
        self._average_wait = AverageWait(clock)
        self._refused_until = 0.0
        self._refused: Organisation = None
        self._last_start = clock()
        self.refused = 0
        """Requests so far."""
        self.arriving = 0
        """Requests that have not asked for their permit yet: where the gateway itself is slow, they are many."""
        self._arriving: dict[Organisation, int] = {}

    def admits(self, organisation: Organisation = None) -> bool:
        """To be called for each newcomer before anything else is done for it. One that is admitted counts as arriving
        until `has_arrived`."""
        if not self._has_room(organisation):
            self.refused += 1
            return False
        self.arrives(organisation)
        return True

    def arrives(self, organisation: Organisation) -> None:
        self.arriving += 1
        self._arriving[organisation] = self._arriving.get(organisation, 0) + 1

    def has_arrived(self, organisation: Organisation = None) -> None:
        """One that was let in has asked for its permit, or never will."""
        self.arriving -= 1
        left = self._arriving[organisation] - 1
        if left:
            self._arriving[organisation] = left
        else:
            del self._arriving[organisation]
        self._refused_until = 0.0

    async def acquire(self, timeout: float, organisation: Organisation = None) -> None:
        """Waits for a permit, which has to be released; raises `Overloaded` if none comes within `timeout` seconds."""
        self._note_organisation(organisation)
        if not self._permits.try_acquire(organisation):
            await self._wait(timeout, organisation)
        self._note_start()

    @property
    def in_flight(self) -> int:
        return self._permits.in_use

    @property
    def waiting(self) -> int:
        return self._permits.waiting.count

    async def _wait(self, timeout: float, organisation: Organisation) -> None:
        began = time.perf_counter()
        try:
            if self._is_full(organisation):
                raise Overloaded
            await self._permits.wait(timeout, organisation)
        except Overloaded:
            self.refused += 1
            raise
        finally:
            spend("turn", began)

    def release(self, organisation: Organisation = None) -> None:
        """Hands the permit on; `organisation` as in `acquire`."""
        self._refused_until = 0.0
        self._permits.release(organisation)

    def _has_room(self, organisation: Organisation) -> bool:
        if organisation == self._refused and self._clock() < self._refused_until:
            return False
        wait = self._expected_wait(organisation)
        average = self._average_wait.with_newcomer(wait)
        if not self._is_full(organisation):
            is_modest = wait > 0 and self._is_modest(organisation)
            if not self._overload.refuses(wait, average, is_modest):
                return True
        # Waits only grow until somebody goes on, so there is no need to look again for each newcomer.
        self._refused, self._refused_until = organisation, self._clock() + REFUSAL_SECONDS
        return False

    def _is_modest(self, organisation: Organisation) -> bool:
        """Whether it has less than half of what one organisation has here on average: it is not whom to refuse."""
        permits = self._permits
        own = self._queued(organisation) + permits.held_by(organisation)
        everybody = self.arriving + permits.waiting.count + permits.in_use
        return 2 * (own + 1) * self._organisations() <= everybody

    def _organisations(self) -> int:
        """How many are here, about."""
        return max(self._permits.organisations, self._permits.waiting.organisations, len(self._arriving))

    def _note_organisation(self, organisation: Organisation) -> None:
        """Several organisations are there from when their requests alternate until only one's have come for a while."""
        if organisation != self._newest:
            now = self._clock()
            if self._newest is not None and now - self._last_start < PRESENCE_SECONDS:
                self._shared_until = now + PRESENCE_SECONDS
                self._permits.per_organisation = max(1, self.limit // LIMIT_PER_SHARE)
            self._newest = organisation
        elif self._permits.per_organisation < self.limit and self._clock() >= self._shared_until:
            self._permits.per_organisation = self.limit
            self._permits.hand_out()

    def _note_start(self) -> None:
        now = self._clock()
        self._interval += (min(now - self._last_start, _MAX_INTERVAL) - self._interval) * _WEIGHT
        self._last_start = now

    def _is_full(self, organisation: Organisation) -> bool:
        """Whether there is neither a permit nor a place to wait; both bounds leave room for other organisations."""
        permits = self._permits
        present = permits.in_use + permits.waiting.count
        if present < self.limit:
            return False
        if permits.waiting.count_of(organisation) >= self._max_waiting_per_organisation:
            return True
        return present >= self._max_present

    def _expected_wait(self, organisation: Organisation) -> float:
        """Seconds a newcomer has to expect: as long as those before it take, and no less than the first of its
        organisation has waited, or than it is since anybody got a permit.

        Before it are those of its own organisation, and as many of each other one. Where the loop is late, those that
        hold permits wait for the loop as well. As many as there are permits are always let in: fewer could not show how
        fast they are served.
        """
        permits = self._permits
        waiting, in_use = permits.waiting, permits.in_use
        before = self.arriving + waiting.count
        if before + in_use < self.limit:
            return 0.0
        if self._lag.is_late:
            before += in_use
        if permits.per_organisation < self.limit:  # there are others
            own = self._queued(organisation) + (permits.held_by(organisation) if self._lag.is_late else 0)
            before = min(before, (own + 1) * self._organisations())
        expected = before * self._interval
        if not waiting.count:
            return expected
        first = waiting.first_of(organisation)
        return max(expected, self._clock() - (self._last_start if first is None else first.since))

    def _queued(self, organisation: Organisation) -> int:
        """How many of this organisation were let in and have no permit yet."""
        return self._arriving.get(organisation, 0) + self._permits.waiting.count_of(organisation)
