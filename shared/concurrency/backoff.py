"""Growing, jittered pauses between attempts, so that many processes do not come back all at once."""

import random


class Backoff:
    """Pauses in seconds: `first`, doubling up to `most`, each shortened by up to a half at random."""

    def __init__(self, first: float = 0.1, most: float = 1.0) -> None:
        self._first = first
        self._most = most
        self._pause = first

    def next(self) -> float:
        pause = self._pause
        self._pause = min(pause * 2, self._most)
        return pause * random.uniform(0.5, 1)  # noqa: S311 - jitter, nothing secret

    def reset(self) -> None:
        self._pause = self._first
