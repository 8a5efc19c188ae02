"""Something happens during a rebuild, at a moment that a test chooses."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from shared.projections.comparison import Comparison

Happening = Callable[[], Coroutine[Any, Any, object]]


def before(monkeypatch: pytest.MonkeyPatch, step: str, happening: Happening) -> None:
    """`happening` comes once, right before that method of `Comparison` is called for the first time.

    It happens in the loop of the test, whichever the rebuild runs in.
    """
    original: Any = getattr(Comparison, step)
    loop = asyncio.get_running_loop()

    async def with_happening(self: Comparison, *arguments: Any) -> Any:
        monkeypatch.setattr(Comparison, step, original)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(happening(), loop))
        return await original(self, *arguments)

    monkeypatch.setattr(Comparison, step, with_happening)
