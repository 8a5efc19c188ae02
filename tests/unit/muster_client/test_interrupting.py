"""Ctrl-C that has to wait."""

import signal
from collections.abc import Callable

import pytest

from muster.interrupting import Interrupt, interruptible

Step = Callable[[Interrupt], None]


def ctrl_c(interrupt: Interrupt) -> None:
    signal.raise_signal(signal.SIGINT)


def known(interrupt: Interrupt) -> None:
    interrupt.take_effect()


def reached(*steps: Step, held: bool) -> int:
    """How many of the steps a block gets through before Ctrl-C takes effect, which it must; signals are as before."""
    before, done = signal.getsignal(signal.SIGINT), 0
    try:
        with interruptible(lambda: held) as interrupt:
            for step in steps:
                step(interrupt)
                done += 1
    except KeyboardInterrupt:
        assert signal.getsignal(signal.SIGINT) == before
        return done
    raise AssertionError("It took no effect.")


@pytest.mark.parametrize(
    ("steps", "held", "expected"),
    [
        ([ctrl_c], False, 0),
        ([ctrl_c, known], False, 0),
        ([ctrl_c], True, 1),  # at the end of the block
        ([ctrl_c, ctrl_c, ctrl_c], True, 1),
        ([known, ctrl_c, known, known], True, 2),
    ],
)
def test_it_takes_effect_when_it_may(steps: list[Step], held: bool, expected: int) -> None:
    assert reached(*steps, held=held) == expected


def test_control_nothing_came() -> None:
    with pytest.raises(AssertionError):
        reached(known, held=True)
