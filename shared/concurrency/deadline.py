"""How long a request may still take: each process passes on what is left.

It travels as the milliseconds that are left and not as a time of day, because two machines' clocks differ.
"""

import re
import time
from collections.abc import Sequence
from contextvars import ContextVar
from typing import NamedTuple

from shared.errors import BadRequest, DeadlinePassed

HEADER = "X-Request-Deadline"
"""Between our own processes only: the gateway takes it from no client."""
DEFAULT_SECONDS = 10.0
"""For a request without a deadline."""
MAX_SECONDS = 60.0
"""For any request, whatever its header says."""
_MILLISECONDS = re.compile(r"[0-9]{1,9}\Z")


class Deadline(NamedTuple):
    """`at` is a time of this process's monotonic clock, in seconds."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds, 0 once it has passed."""
        return max(0.0, self.at - time.monotonic())

    def header(self) -> tuple[str, str]:
        return HEADER, str(int(self.left() * 1000))

    def require(self, most: float) -> float:
        """What is left, at most `most` seconds; raises `DeadlinePassed`."""
        left = self.left()
        if not left:
            raise DeadlinePassed
        return min(left, most)


current_deadline: ContextVar[Deadline | None] = ContextVar("current_deadline", default=None)
"""That of the request under way; None where no request is waiting."""


def read_deadline(values: Sequence[str]) -> Deadline:
    """The deadline of a request's headers; raises `BadRequest` for a malformed one."""
    if not values:
        return Deadline.after(DEFAULT_SECONDS)
    if len(values) > 1 or not _MILLISECONDS.match(values[0]):
        raise BadRequest(f"{HEADER} must be a single whole number of milliseconds.")
    return Deadline.after(min(int(values[0]) / 1000, MAX_SECONDS))


def time_left(most: float) -> float:
    """Seconds that the request under way may still wait, at most `most`; raises `DeadlinePassed`."""
    deadline = current_deadline.get()
    return most if deadline is None else deadline.require(most)
