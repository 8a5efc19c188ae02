"""Console output of a command: a line for each step, with a spinner or a bar while it runs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class Step:
    """A step that is running."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self.result = ""

    def advance(self, done: int, total: int) -> None:
        """Show a bar at `done` of `total`."""
        self._progress.update(self._task, completed=done, total=total)

    def note(self, text: str) -> None:
        """Show what the step is doing, beside its spinner."""
        self._progress.update(self._task, note=escape(text))


class Steps:
    """The steps of one command; where the output is not a terminal, each is a line once it is done."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("[dim]{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print a line unchanged and unwrapped, so that it can be copied."""
        self.console.print(text, soft_wrap=True, markup=False, highlight=False)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show the title while the block runs, then one line with its `result` and the seconds it took."""
        started = time.monotonic()
        task = self._progress.add_task(escape(title), total=None, note="")
        step = Step(self._progress, task)
        try:
            yield step
        except BaseException:
            self.say(f"  ✗ {title}")
            raise
        else:
            result = f": {step.result}" if step.result else ""
            self.say(f"  ✓ {title}{result} ({time.monotonic() - started:.1f} s)")
        finally:
            self._progress.remove_task(task)
