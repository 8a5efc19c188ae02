"""The sliding window that limits requests, as plain arithmetic on whole milliseconds (contract, section 1).

A key's first request opens a window; the next one starts right behind it, or anew after a whole one without
requests. A request is admitted while the requests of the last window, weighted by the part of it that still
reaches into the sliding minute, and those of this window leave room for one more.

With a limit of L and windows of length W this holds:
- a key that begins gets L requests, all at once if it likes, and the next is refused until W has passed;
- no window ever holds more than L;
- any span of length W that reaches a fraction x into its later window holds at most L·(1 + x): a burst at the
  edge of two windows (x near 0) cannot double the limit.

`sliding_window.lua` takes the same steps inside Redis, where all gateway processes count together.
"""

from typing import NamedTuple

WINDOW_MS = 60_000


class Window(NamedTuple):
    """`start` in milliseconds since the epoch; how many were admitted in this window and the one before."""

    start: int
    current: int
    previous: int


class Decision(NamedTuple):
    """What became of one request, and how its key stands after it; times in milliseconds."""

    admitted: bool
    limit: int
    window: Window
    now: int
    length: int = WINDOW_MS

    @property
    def remaining(self) -> int:
        """How many more would be admitted at this moment."""
        return self._remaining(self._left)

    @property
    def retry_after(self) -> int:
        """Whole seconds until one request would be admitted; at least 1."""
        return max(1, _seconds(self._wait))

    def lines(self) -> str:
        """`X-RateLimit-*`, and the fields of draft-ietf-httpapi-ratelimit-headers, as header lines.

        While something remains, `t` and the reset are the end of the window; otherwise the moment when a request would
        be admitted again, as `Retry-After` has it.
        """
        limit, length, left = self.limit, self.length, self._left
        remaining = self._remaining(left)
        resets_in = left if remaining else self._wait
        return (
            f"X-RateLimit-Limit: {limit}\r\nX-RateLimit-Remaining: {remaining}\r\n"
            f"X-RateLimit-Reset: {_seconds(self.now + resets_in)}\r\n"
            f'RateLimit-Policy: "default";q={limit};w={length // 1000}\r\n'
            f'RateLimit: "default";r={remaining};t={_seconds(resets_in)}\r\n'
        )

    @property
    def _wait(self) -> int:
        return wait(self.window, self.now, self.limit, self.length)

    @property
    def _left(self) -> int:
        return _left(self.window, self.now, self.length)

    def _remaining(self, left: int) -> int:
        weighted = self.window.previous * left + self.window.current * self.length
        return max(0, (self.limit * self.length - weighted) // self.length)


def decide(known: Window | None, now: int, limit: int, length: int = WINDOW_MS) -> Decision:
    """Admits or refuses one request at `now`; a refused one is not counted."""
    window = _advanced(known, now, length)
    weighted = window.previous * _left(window, now, length) + (window.current + 1) * length
    admitted = weighted <= limit * length
    if admitted:
        window = window._replace(current=window.current + 1)
    return Decision(admitted, limit, window, now, length)


def wait(window: Window, now: int, limit: int, length: int = WINDOW_MS) -> int:
    """Milliseconds from `now` until one request would be admitted, if none comes before; `limit` ≥ 1."""
    left = _left(window, now, length)
    if window.current < limit:
        room = (limit - window.current - 1) * length
        return max(0, left - room // window.previous) if window.previous else 0
    # This window is full. In the next one its requests weigh less and less.
    return left + length - (limit - 1) * length // window.current


def _advanced(known: Window | None, now: int, length: int) -> Window:
    if known is None or now >= known.start + 2 * length:
        return Window(now, 0, 0)
    if now >= known.start + length:
        return Window(known.start + length, 0, known.current)
    return known


def _seconds(milliseconds: int) -> int:
    """Rounded up: who comes then does not come too early."""
    return -(-milliseconds // 1000)


def _left(window: Window, now: int, length: int) -> int:
    """What is left of the window; all of it for a clock that went back."""
    return min(length, window.start + length - now)
