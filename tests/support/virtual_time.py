"""A clock of a test's own: an event loop whose time goes straight to its next timer, however far away that is."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

Parameters = ParamSpec("Parameters")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at 0 s; time passes only when nothing else is left to do. Nothing from outside wakes it up."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("every task waits for something that no timer brings")
        self._loop.now += timeout
        return super().select(0)


def in_virtual_time(
    test: Callable[Parameters, Coroutine[Any, Any, None]],
) -> Callable[Parameters, None]:
    """Runs an async test on a loop of its own, where `clock` is the time and `pass_time` lets it pass."""

    @wraps(test)
    def run(*arguments: Parameters.args, **options: Parameters.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*arguments, **options))

    return run


def clock() -> float:
    """The time of the running loop, for what takes a clock."""
    return asyncio.get_running_loop().time()


async def pass_time(seconds: float) -> None:
    """Lets what is due within these seconds happen, without waiting for any of them."""
    assert isinstance(asyncio.get_running_loop(), VirtualLoop)
    await asyncio.sleep(seconds)
