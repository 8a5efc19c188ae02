"""Ctrl-C, where it has to wait for a moment."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Whether Ctrl-C came while it had to wait."""

    def __init__(self, is_held: Callable[[], bool]) -> None:
        self._is_held = is_held
        self._came = False

    def signalled(self, number: int, frame: FrameType | None) -> None:
        if self._came or not self._is_held():
            raise KeyboardInterrupt
        self._came = True

    def take_effect(self) -> None:
        """Raises `KeyboardInterrupt` if it came: there is nothing to wait for any more."""
        if self._came:
            raise KeyboardInterrupt


@contextmanager
def interruptible(is_held: Callable[[], bool]) -> Iterator[Interrupt]:
    """While `is_held`, Ctrl-C takes effect at the end of the block: what happens then must be known first. A second one
    takes effect at once."""
    interrupt = Interrupt(is_held)
    before = signal.signal(signal.SIGINT, interrupt.signalled)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
    interrupt.take_effect()
