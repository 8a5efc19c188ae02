"""`python -m tests.faults.launcher MODULE [ARGUMENTS]`: a process of the product, in the build that can be broken.

By its environment:

- `CRASH_AT=<point>:<n>` ends it by SIGKILL the nth time it comes to that crash point.
- `STOP_AT=<point>:<n>` freezes it there instead, by SIGSTOP.
- `CRASH_PLAN=<seed>:<kills>:<prefix>` does so again and again, each time started anew, at points that follow from the
  seed and whose names begin so; after that many kills it lets it live. Each kill is a line in `CRASH_LOG`.
- `CLOCK_OFFSET=<seconds>` makes its clock wrong.
- `WITHOUT=<guard>,…` takes guards out, for the controls.
- `MEMORY_INTERVAL=<seconds>`: so often it gives memory back, instead of every five seconds.
- `HOUSEKEEPING_INTERVAL=<seconds>`: so often it deletes what is kept no longer, instead of once a minute.
- `HOARD=<MiB>`: it takes that much memory more, and keeps it.
- `PRETENDED_VERSION=<version>`: what it says it is.
- `WEBHOOK_PAUSE=<seconds>`: so soon a webhook is tried again, and who waits for anything of one waits seconds.
- `CENSUS_FILE=<path>`: on SIGUSR1 it writes there how many tasks its loop has.

None of this is in the product.
"""

import asyncio
import ctypes
import os
import random
import runpy
import signal
import sys
import time
from datetime import datetime, timedelta, tzinfo
from importlib import import_module
from pathlib import Path

from shared.http.server import memory_release
from tests.faults import crash_points, guards

MOST_VISITS = 3
REQUEST_SECONDS, CLAIM_SECONDS = 3.0, 8.0
"""Of a request to a webhook, and of a claim to send it."""
HOUSEKEEPERS = ("shared.service.housekeeping", "services.accounts.housekeeping", "services.delivery.keeping")
HOARDED: list[bytes] = []
READ_THE_CLOCK = ("gateway", "services", "shared", "jwt")
"""Packages whose modules are shown a wrong `datetime`."""


def main(module: str, *arguments: str) -> None:
    """Runs the module as `python -m` does, after what the environment asks for has been done to it."""
    die_with_parent()
    alter_for_alerts()
    alter(module)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=False)


def alter(module: str) -> None:
    """Everything else that the environment asks for."""
    if point := os.environ.get("CRASH_AT"):
        name, _, count = point.rpartition(":")
        crash_points.arm(name, int(count))
    if point := os.environ.get("STOP_AT"):
        name, _, count = point.rpartition(":")
        crash_points.arm(name, int(count), signal.SIGSTOP)
    if offset := os.environ.get("CLOCK_OFFSET"):
        put_clock_wrong(module, float(offset))
    if pause := os.environ.get("WEBHOOK_PAUSE"):
        send_to_webhooks_every(float(pause))
    for name in filter(None, os.environ.get("WITHOUT", "").split(",")):
        guards.take_out(name)
    if interval := os.environ.get("MEMORY_INTERVAL"):
        give_back_memory_every(float(interval))
    if census := os.environ.get("CENSUS_FILE"):
        signal.signal(signal.SIGUSR1, lambda *_: take_census(Path(census)))
    if plan := os.environ.get("CRASH_PLAN"):
        seed, kills, prefix = plan.split(":", 2)
        points = [name for name in crash_points.CRASH_POINTS if name.startswith(prefix)]
        crash_again_and_again(module, random.Random(seed), points, int(kills), Path(os.environ["CRASH_LOG"]))


def alter_for_alerts() -> None:
    """What makes alerts fire that would take too long otherwise."""
    if interval := os.environ.get("HOUSEKEEPING_INTERVAL"):
        keep_house_every(float(interval))
    if hoard := os.environ.get("HOARD"):
        HOARDED.append(b"x" * (int(hoard) * 2**20))
    if version := os.environ.get("PRETENDED_VERSION"):
        vars(import_module("shared.metrics.process"))["VERSION"] = version


def keep_house_every(seconds: float) -> None:
    """A minute is too long for those who wait for what is not done then."""
    for module in HOUSEKEEPERS:
        vars(import_module(module))["INTERVAL"] = seconds
    vars(import_module("shared.imports.runner"))["KEEP_INTERVAL"] = seconds


def give_back_memory_every(seconds: float) -> None:
    """Tests that wait for it need not wait for the usual interval."""
    memory_release.give_back_memory.__defaults__ = (seconds,)


def send_to_webhooks_every(seconds: float) -> None:
    """Stories become quiet in seconds, where the schedule has days; claims still outlive requests and freezes."""
    schedule, client, store = (
        import_module(f"services.delivery.{name}") for name in ("sending.schedule", "sending.client", "store.sending")
    )
    vars(schedule)["PAUSES"] = (timedelta(seconds=seconds),) * len(schedule.PAUSES)
    vars(client)["REQUEST_TIMEOUT"] = REQUEST_SECONDS
    vars(store)["CLAIM"] = timedelta(seconds=CLAIM_SECONDS)


def crash_again_and_again(module: str, choice: random.Random, points: list[str], kills: int, log: Path) -> None:
    """Returns in a child that is to serve; the parent stays behind, and forks the next when one was killed.

    A fork has everything imported already, so that a thousand kills take minutes.
    """
    import_module(f"{module}.app")
    for _ in range(kills):
        name, visits = choice.choice(points), choice.randint(1, MOST_VISITS)
        if name.startswith("consumer"):
            visits = 1  # there are few of these events
        child = os.fork()
        if not child:
            die_with_parent()
            crash_points.arm(name, visits)
            return
        status = _wait(child)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            os._exit(os.waitstatus_to_exitcode(status) & 0x7F)
        with log.open("a") as lines:
            lines.write(f"{name}\n")
    child = os.fork()
    if not child:
        die_with_parent()
    else:
        os._exit(os.waitstatus_to_exitcode(_wait(child)) & 0x7F)


def die_with_parent() -> None:
    """A run of tests that is killed leaves nobody behind (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _wait(child: int) -> int:
    """The child's exit status; SIGTERM is handed on to it."""
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    return os.waitpid(child, 0)[1]


def put_clock_wrong(module: str, seconds: float) -> None:
    """`time.time`, and `datetime.now` wherever the product or PyJWT has imported it."""
    right = time.time
    time.time = lambda: right() + seconds
    import_module(f"{module}.app")
    for name, imported in tuple(sys.modules.items()):
        if name.partition(".")[0] in READ_THE_CLOCK and vars(imported).get("datetime") is datetime:
            vars(imported)["datetime"] = WrongDatetime


class _IsDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


class WrongDatetime(datetime, metaclass=_IsDatetime):
    """Tells the time by `time.time`; what it makes are plain datetimes."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.fromtimestamp(time.time(), tz)


def take_census(file: Path) -> None:
    """Python runs this handler between two callbacks of the loop."""
    draft = file.with_suffix(".new")
    draft.write_text(str(len(asyncio.all_tasks())))
    draft.replace(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
