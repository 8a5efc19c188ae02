"""Detects overload by how long a request would wait for a permit, and says which requests to refuse.

The idea is CoDel's (RFC 8289): a queue that empties again is a burst, and everyone in it is served; a long queue that
stays is more load than there is capacity, and waiting in it helps nobody. From then on it is kept so short that
nobody waits for long, until nobody had to be refused for a while.

Unlike CoDel it has two bounds. Clients in a closed loop keep a queue for as long as they like, but it never grows
beyond their number. If they were refused they would retry immediately, and refusing takes processor time from serving.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_WAVE: Final = 1 / 512
"""Weight of the newest wait: a wave has some hundred requests, and its first find nobody before them."""
CALM: Final = 1.0
"""Seconds in which nobody had to wait, after which earlier waits no longer count, however few have come since."""


class AverageWait:
    """The wait that recent newcomers had to expect, in seconds of `clock`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._average = 0.0
        self._waited_at = clock()

    def with_newcomer(self, wait: float) -> float:
        """The average, including one more newcomer that has to wait for so many seconds."""
        now = self._clock()
        if wait > 0:
            self._waited_at = now
        elif now - self._waited_at > CALM:
            self._average = 0.0
        self._average += (wait - self._average) * _WAVE
        return self._average


@dataclass(eq=False)
class Overload:
    """Decides about each newcomer by the wait it has to expect, in seconds of `clock`.

    Once newcomers had to expect more than `bearable` on average for an `interval`, it is no longer a burst, and those
    that would have to wait for more than `target` are refused; a modest one, which did not cause it, for more than
    `bearable`.
    """

    target: float
    bearable: float
    interval: float
    clock: Callable[[], float] = time.monotonic
    _long_since: float | None = None
    _refused_at: float | None = None

    def refuses(self, wait: float, average: float, is_modest: bool = False) -> bool:
        """Whether a request that would wait so many seconds is refused, where newcomers lately did on average."""
        now = self.clock()
        if average <= self.bearable:
            self._long_since = None
        elif self._long_since is None:
            self._long_since = now
        bound = self.bearable if is_modest else self.target
        if wait <= bound or not (self._is_long(now) or self._refused_lately(now)):
            return False
        self._refused_at = now
        return True

    def _is_long(self, now: float) -> bool:
        return self._long_since is not None and now - self._long_since >= self.interval

    def _refused_lately(self, now: float) -> bool:
        return self._refused_at is not None and now - self._refused_at < self.interval
