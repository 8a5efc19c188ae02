"""How long to wait before a process that ended is started again."""

FIRST_SECONDS = 0.5
MAX_SECONDS = 30.0
STABLE_SECONDS = 60.0
"""A process that lived for so long is taken to be well: its next end begins with the shortest delay."""


class Backoff:
    """Delays of one process: 0.5 s, then twice the one before, 30 s at most."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def delay_after(self, lived: float) -> float:
        """Seconds to wait before the next start of a process that has ended after living for `lived` seconds."""
        delay = FIRST_SECONDS if lived >= STABLE_SECONDS else self._next
        self._next = min(2 * delay, MAX_SECONDS)
        return delay
