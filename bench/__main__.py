"""`./dev bench`: measures one path after the other against its peer, in alternating rounds, and prints the table."""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from bench import (
    clearance,
    enrolling,
    events,
    fairness,
    feed,
    gateway,
    growth,
    holding,
    lists,
    live_seats,
    memory,
    moving,
    observed,
    searching,
    signing_in,
)
from bench.bed import Bed, made_bed
from bench.errors import NotMeasured
from bench.placement import placement
from bench.report import line, table, write
from bench.results import Result
from bench.settings import Effort, Servers, quick, servers_from
from stack.errors import StackError
from stack.paths import REPOSITORY, STACK_DIRECTORY
from stack.signals import interruptible

EPILOG = """\
Results go to bench/results.json and docs/bench.svg, in the place of earlier ones of the same name; those of a quick
look or of less than the whole data set go to .stack/commands/bench/.
Exit status 1 when a goal was not met.
"""

Measurement = Callable[[Bed], AsyncIterator[Result]]


async def _events(bed: Bed) -> AsyncIterator[Result]:
    async for result in events.results(await bed.workers(), bed.effort.rounds):
        yield result


MEASUREMENTS: Mapping[str, Measurement] = {
    "gateway": gateway.results,
    "lists": lists.results,
    "searching": searching.results,
    "enrolling": enrolling.results,
    "events": _events,
    "feed": feed.results,
    "growth": growth.results,
    "holding": holding.results,
    "memory": memory.results,
    "fairness": fairness.results,
    "signing-in": signing_in.results,
    "live-seats": live_seats.results,
    "moving": moving.results,
    "clearance": clearance.results,
    "observed": observed.results,
}
"""In the order of the table."""
RESULTS, PICTURE = REPOSITORY / "bench" / "results.json", REPOSITORY / "docs" / "bench.svg"
FILE_WIDTH = 150
PARTIAL = STACK_DIRECTORY / "bench"
"""Where a quick look, or one at fewer data, leaves its results."""


def main(arguments: Sequence[str]) -> int:
    """0 when every goal was met, 1 when not or when something could not be measured."""
    parsed = _parser().parse_args(arguments)
    names = [name for name in MEASUREMENTS if not parsed.only or name in parsed.only]
    effort = Effort(scale=parsed.scale, rounds=parsed.rounds, seconds=parsed.seconds, requests=parsed.requests)
    effort = quick(effort) if parsed.quick else effort
    counts = not parsed.quick and effort.scale >= 1
    directory = PARTIAL
    directory.mkdir(parents=True, exist_ok=True)
    files = (RESULTS, PICTURE) if counts else (directory / RESULTS.name, directory / PICTURE.name)
    servers = servers_from(os.environ)
    return asyncio.run(interruptible(_measure(names, servers, effort, files), stopped_status=130))


def _parser() -> argparse.ArgumentParser:
    usual = Effort()
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, epilog=EPILOG)
    parser.add_argument(
        "--scale", type=_positive, default=usual.scale, metavar="N",
        help="size of the data set; 1, the default, is a million enrollments of 100,000 people",
    )  # fmt: skip
    parser.add_argument(
        "--rounds", type=_whole, default=usual.rounds, metavar="N",
        help=f"how often each comparison is repeated, ours and the peer in turn (default {usual.rounds})",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=_whole, default=usual.seconds, metavar="N",
        help=f"how long one sample of a round takes (default {usual.seconds})",
    )  # fmt: skip
    parser.add_argument(
        "--requests", type=_whole, default=usual.requests, metavar="N",
        help=f"after how many requests memory is looked at (default {usual.requests:,})",
    )  # fmt: skip
    parser.add_argument(
        "--only", nargs="+", choices=list(MEASUREMENTS), metavar="NAME",
        help=f"measure these alone, of: {', '.join(MEASUREMENTS)}",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="small and short: shows that all works, and not how fast")
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number <= 100:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 100")
    return number


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


async def _measure(names: Sequence[str], servers: Servers, effort: Effort, files: tuple[Path, Path]) -> int:
    """Writes what was measured after each result, so that a run that ends early keeps what it has."""
    results: list[Result] = []
    failed = False
    where = placement()
    try:
        async with made_bed(servers, effort, where, _say) as bed:
            for name in names:
                failed |= not await _measure_one(bed, name, results, files)
    finally:
        if results:
            _console().print(table(results, f"{where}; {effort.rounds} rounds of {effort.seconds} s"))
    return 1 if failed or not all(result.met for result in results) else 0


async def _measure_one(bed: Bed, name: str, results: list[Result], files: tuple[Path, Path]) -> bool:
    """Whether it could be measured; the others can be all the same."""
    _say(name)
    try:
        async for result in MEASUREMENTS[name](bed):
            results.append(result)
            _say(f"  {line(result)}")
            write(results, *files)
    except (NotMeasured, StackError) as error:
        _say(f"{name} could not be measured: {error}")
        return False
    return True


def _console() -> Console:
    """The terminal as it is, and wide where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=FILE_WIDTH)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
