"""A semaphore that serves organisations in turn, and rejects waiters early when nobody releases a permit."""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from math import inf
from typing import Final

from shared.concurrency.fairness import FairQueue, Organisation
from shared.errors import Overloaded

log = logging.getLogger(__name__)

CHECK_INTERVAL: Final = 0.02
"""Seconds between two checks for waiters whose time is up."""
STALLED_CHECKS: Final = 5
"""Checks in a row without a release, after which nobody waits on. One alone would blame the holders for a process that
stood still itself: its check runs before it has heard of the releases meanwhile."""
TURNS_TO_LEARN_FROM: Final = 8
"""Permits that waiters got, after which it is known about how long one takes."""
HOPELESS_AT_ONCE: Final = 8
"""Waiters without hope refused at one check: a hundred at once would hold up everything else in the process."""


@dataclass(slots=True, eq=False)
class Waiter:
    """A caller in the queue: `permit` is done once it has one, or never will. Times are those of the semaphore's clock,
    in seconds."""

    permit: "asyncio.Future[None]"
    organisation: Organisation
    since: float
    until: float


@dataclass(eq=False)
class FairSemaphore:
    """`permits`, of which one organisation holds at most `per_organisation`.

    The rest is kept for others, so that another organisation's caller begins at once however long the first one's hold
    theirs; the process's own work may have all. Callers that find none wait. One of each organisation in turn gets the
    next permit, in order of arrival within one.

    `per_organisation` may change at any time: nobody loses a permit, and `hand_out` assigns what a higher one frees.
    `max_waiting_per_organisation` and `max_waiting` bound the queue; an organisation without a waiter may always have
    one. A caller that finds it full is refused with the message `refusal` after `refusal_delay` seconds: a client that
    retries immediately costs others more than one that waits. So are all waiters after `stalled_checks` without a
    release (as STALLED_CHECKS; None: they are not); `resource` says in the log of what. With `refuses_hopeless` callers
    whose turn will come too late, by how fast those before them get theirs, are refused as soon as that is known, the
    last ones first.
    """

    permits: int
    per_organisation: int
    _: KW_ONLY
    resource: str = "permit"
    max_waiting_per_organisation: float = inf
    max_waiting: float = inf
    refusal: str | None = None
    refusal_delay: float = 0.0
    stalled_checks: int | None = None
    refuses_hopeless: bool = False
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.in_use = 0
        self.waiting: FairQueue[Waiter] = FairQueue()
        self._held: dict[Organisation, int] = {}
        self._loop = asyncio.get_running_loop()  # once: looking for it is a system call
        self._timer: asyncio.TimerHandle | None = None
        self._checks: deque[float] = deque(maxlen=(self.stalled_checks or 0) + 1)
        """When the last ones were, from the one that saw somebody get what they waited for."""
        self._handed_out = 0
        """Permits that waiters got. What others release is no progress of those who have their share."""
        self._handed_out_at_check = 0
        self._releases = 0
        self._releases_at_warning = -1
        self._turns = 0
        self._turn_seconds = 0.0
        """Between two permits for waiters, on average; time in which nobody waited does not count."""
        self._last_turn = 0.0

    @property
    def organisations(self) -> int:
        """How many hold permits."""
        return len(self._held)

    def held_by(self, organisation: Organisation) -> int:
        return self._held.get(organisation, 0)

    def try_acquire(self, organisation: Organisation = None) -> bool:
        """Whether a permit was free; the caller then has it, and releases it."""
        held = self._held.get(organisation, 0)
        if self.in_use >= self.permits or (held >= self.per_organisation and organisation is not None):
            return False
        self.in_use += 1
        self._held[organisation] = held + 1
        return True

    async def acquire(self, timeout: float, organisation: Organisation = None) -> None:
        """Waits for a permit, which the caller has to release.

        Raises `Overloaded` when none comes within `timeout` seconds, when the queue is full, and when it is stalled.
        """
        if self.try_acquire(organisation):
            return
        if not self.may_wait(timeout, organisation):
            await asyncio.sleep(min(self.refusal_delay, timeout))
            raise Overloaded(self.refusal)
        await self.wait(timeout, organisation)

    async def wait(self, timeout: float, organisation: Organisation = None) -> None:
        """The same for a caller that found no permit, whatever the bounds of the queue."""
        waiter = self._enqueue(timeout, organisation)
        try:
            await waiter.permit
        except asyncio.CancelledError:
            self._leave(waiter)
            raise

    def release(self, organisation: Organisation = None) -> None:
        """Hands the permit to whoever is next and may have it; `organisation` as in `acquire`."""
        self._releases += 1
        self.in_use -= 1
        held = self._held[organisation] - 1
        if held:
            self._held[organisation] = held
        else:
            del self._held[organisation]
        if self.waiting.count:
            self.hand_out()

    def hand_out(self) -> None:
        """Gives free permits to the waiters that may have them."""
        while self.in_use < self.permits and (waiter := self.waiting.take_where(self._may_have_more)) is not None:
            if not waiter.permit.done():
                self.in_use += 1
                self._held[waiter.organisation] = self._held.get(waiter.organisation, 0) + 1
                self._handed_out += 1
                self._note_turn()
                waiter.permit.set_result(None)

    def _may_have_more(self, organisation: Organisation) -> bool:
        return organisation is None or self._held.get(organisation, 0) < self.per_organisation

    def may_wait(self, timeout: float, organisation: Organisation = None) -> bool:
        """Whether the queue has room for one more, who waits at most `timeout` seconds and may hope for a permit."""
        own = self.waiting.count_of(organisation)
        if own >= self.max_waiting_per_organisation or (own and self.waiting.count >= self.max_waiting):
            return False
        return not own or self._seconds_until_turn(own + 1) <= timeout

    def _note_turn(self) -> None:
        if self.refuses_hopeless:
            now = self.clock()
            self._turns += 1
            weight = 1 / min(self._turns, TURNS_TO_LEARN_FROM)
            self._turn_seconds += (now - self._last_turn - self._turn_seconds) * weight
            self._last_turn = now

    def _seconds_until_turn(self, place: int) -> float:
        """What the waiter at this place of its organisation, from 1, has to expect; 0 where that is not known."""
        if self._turns < TURNS_TO_LEARN_FROM:
            return 0.0
        return min(place * self.waiting.organisations, self.waiting.count + 1) * self._turn_seconds

    def _hopeless(self, now: float) -> list[Waiter]:
        """Some of those whose turn will come after their time, the last ones first."""
        places: Counter[Organisation] = Counter()
        hopeless = []
        for waiter in self.waiting if self._turns >= TURNS_TO_LEARN_FROM else ():
            places[waiter.organisation] += 1
            if now + self._seconds_until_turn(places[waiter.organisation]) > waiter.until:
                hopeless.append(waiter)
        return hopeless[-HOPELESS_AT_ONCE:]

    def _enqueue(self, timeout: float, organisation: Organisation) -> Waiter:
        now = self.clock()
        if not self.waiting.count:
            self._last_turn = now
        waiter = Waiter(self._loop.create_future(), organisation, now, now + timeout)
        self.waiting.add(organisation, waiter)
        if self._timer is None:
            self._restart_checks(now)
            self._timer = self._loop.call_later(CHECK_INTERVAL, self._check)
        return waiter

    def _leave(self, waiter: Waiter) -> None:
        """For a caller that was cancelled; a permit that it got in the same moment goes to the next."""
        self.waiting.remove(waiter.organisation, waiter)
        permit = waiter.permit
        if permit.done() and not permit.cancelled() and permit.exception() is None:
            self.release(waiter.organisation)

    def _check(self) -> None:
        """One timer for all waiters: one for each would cost as much as its permit."""
        now = self.clock()
        stalled_since = self._stalled_since(now)
        late = [waiter for waiter in self.waiting if waiter.until <= now or waiter.since <= stalled_since]
        if late and stalled_since > -inf:
            self._warn_once(now - stalled_since)
        for waiter in late or self._hopeless(now):
            self.waiting.remove(waiter.organisation, waiter)
            if not waiter.permit.done():
                waiter.permit.set_exception(Overloaded(self.refusal))
        self._timer = self._loop.call_later(CHECK_INTERVAL, self._check) if self.waiting.count else None

    def _restart_checks(self, now: float) -> None:
        self._checks.clear()
        self._checks.append(now)
        self._handed_out_at_check = self._handed_out

    def _stalled_since(self, now: float) -> float:
        """Since when nobody got a permit from one check to the next, several times; -inf otherwise."""
        if self._handed_out != self._handed_out_at_check or self.stalled_checks is None:
            self._restart_checks(now)
            return -inf
        self._checks.append(now)
        return self._checks[0] if len(self._checks) == self._checks.maxlen else -inf

    def _warn_once(self, seconds: float) -> None:
        """Not for each waiter: many lines would slow down the process that is in trouble."""
        if self._releases_at_warning == self._releases:
            return
        self._releases_at_warning = self._releases
        log.warning(
            "no %s was released for %.2f s; rejecting waiters",
            self.resource,
            seconds,
            extra={"resource": self.resource, "in_use": self.in_use, "waiting": self.waiting.count},
        )
