"""`./dev logs`: the logs of the stack, readable."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from stack.errors import StackError
from stack.paths import STACK_DIRECTORY, Layout
from stack.processes.log_files import Follower, log_names, tail
from stack.processes.log_lines import LogLine, parse, render
from stack.services import SERVICE_NAMES

POLL_SECONDS = 0.2
USUAL = ("gateway", *SERVICE_NAMES, "supervisor")
STYLES = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red", "DEBUG": "dim"}
EARLIEST = datetime.min.replace(tzinfo=UTC)


def logs(names: Sequence[str], *, count: int, follow: bool, as_json: bool, request_id: str | None) -> int:
    """Print the last `count` lines of these logs together, in the order of time, then what is appended if asked to.

    Returns 0; raises StackError when there is no such log.
    """
    files = log_files(Layout(STACK_DIRECTORY).log, names)
    followers = {name: Follower(file) for name, file in files.items()} if follow else {}
    show = _raw if as_json else Show(Console(soft_wrap=True))
    try:
        for line in last_lines(files, count, request_id):
            show(line)
        if followers:
            _follow(followers, show, request_id)
    except (KeyboardInterrupt, BrokenPipeError):  # Ctrl-C, or the end of `| head`
        sys.stderr.close()  # else Python complains of the pipe once more as it ends
    return 0


def log_files(directory: Path, names: Sequence[str]) -> dict[str, Path]:
    """The log of each name; without names those of the gateway, the services and the supervisor that are there."""
    there = log_names(directory)
    usual = [name for name in USUAL if name in there]
    if not (names or usual):
        raise StackError(f"There are no logs of the stack in {directory} yet: start the stack with ./dev up")
    for name in names:
        if name not in there:
            raise StackError(f"Unknown log {name!r}. The logs are {', '.join(there)}.")
    return {name: directory / f"{name}.log" for name in names or usual}


def last_lines(files: dict[str, Path], count: int, request_id: str | None = None) -> list[LogLine]:
    """The last lines of all files together, in the order of time; with a request id, those of the request alone."""
    # What a request has left may be anywhere in the files.
    each = sys.maxsize if request_id else count
    lines = [line for name, file in files.items() for line in _dated(name, tail(file, each))]
    lines.sort(key=lambda dated: dated[0])
    return [line for _, line in lines if _belongs(line, request_id)][-count:] if count else []


def _dated(name: str, lines: Iterable[str]) -> Iterator[tuple[datetime, LogLine]]:
    """Each with its time, or with that of the line before it: continuations stay where they belong."""
    latest = EARLIEST
    for raw in lines:
        line = parse(name, raw)
        latest = line.time or latest
        yield latest, line


def _belongs(line: LogLine, request_id: str | None) -> bool:
    return request_id is None or line.request_id == request_id


def _follow(followers: dict[str, Follower], show: Callable[[LogLine], None], request_id: str | None) -> None:
    while True:
        dated = [item for name, follower in followers.items() for item in _dated(name, follower.lines())]
        for _, line in sorted(dated, key=lambda item: item[0]):
            if _belongs(line, request_id):
                show(line)
        time.sleep(POLL_SECONDS)


def _raw(line: LogLine) -> None:
    print(line.raw, flush=True)


class Show:
    """Prints lines for people: in the colour of their level where the terminal has colours."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, line: LogLine) -> None:
        self._console.print(Text(render(line), style=STYLES.get(line.level, "")), soft_wrap=True)
