"""Ctrl-C, where it has to wait for a moment."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible(is_held: Callable[[], bool]) -> Iterator[None]:
    """While `is_held`, Ctrl-C takes effect at the end of the block: what happens then must be known first. A second one
    takes effect at once."""
    came = False
    before = signal.getsignal(signal.SIGINT)

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal came
        if came or not is_held():
            raise KeyboardInterrupt
        came = True

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
