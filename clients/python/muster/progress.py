"""What a command shows while it works: a bar on a terminal, and elsewhere a line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

LINE_SECONDS: Final = 3.0
"""Between two lines where there is no terminal."""
_UNITS: Final = ("bytes", "KiB", "MiB", "GiB")


class Bar(Protocol):
    def show(self, done: int, total: int | None, note: str) -> None:
        """How far it is, in whatever unit, and in words. Without a total nobody knows."""


class Screen:
    """Where a command says what it does; its results go elsewhere. `quiet` leaves out all but what `say` gets."""

    def __init__(self, console: Console, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._quiet = quiet
        self._clock = clock

    @property
    def shows_bars(self) -> bool:
        """Whether there is a terminal, and one that can move its cursor."""
        return self._console.is_terminal and not self._console.is_dumb_terminal and not self._quiet

    def say(self, text: str) -> None:
        """A line, or several; nothing that the terminal would take for a command."""
        self._console.print(printable(text), soft_wrap=True, markup=False, highlight=False)

    def note(self, text: str) -> None:
        """A line that is left out where it should be quiet."""
        if not self._quiet:
            self.say(text)

    @contextmanager
    def bar(self, title: str) -> Iterator[Bar]:
        """While the block runs. The last state of it stays to be seen."""
        if self._quiet:
            yield _NoBar()
        elif self.shows_bars:
            with _progress(self._console) as progress:
                yield _ShownBar(progress, progress.add_task(escape(title), total=None, note=""))
        else:
            lines = _Lines(title, self.say, self._clock)
            yield lines
            lines.end()


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        console=console,
    )


class _NoBar:
    def show(self, done: int, total: int | None, note: str) -> None:
        pass


class _ShownBar:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def show(self, done: int, total: int | None, note: str) -> None:
        self._progress.update(self._task, completed=done, total=total, note=escape(note))


class _Lines:
    def __init__(self, title: str, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._title = title
        self._say = say
        self._clock = clock
        self._next = clock() + LINE_SECONDS
        self._last = ""
        self._said = ""

    def show(self, done: int, total: int | None, note: str) -> None:
        share = f"{100 * done // total} %, " if total else ""
        self._last = f"{self._title}: {share}{note}"
        if self._clock() >= self._next:
            self.end()
            self._next = self._clock() + LINE_SECONDS

    def end(self) -> None:
        """The last state, unless it was said."""
        if self._last != self._said:
            self._say(self._last)
            self._said = self._last


def amount(size: int) -> str:
    """`3.4 MiB`."""
    value, unit = float(size), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{size} {_UNITS[0]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def rows(count: int) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def printable(text: str) -> str:
    """Without control characters, which others may have written into names and files."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)
