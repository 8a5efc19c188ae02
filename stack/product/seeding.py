"""`./dev seed`: demonstration rows, or a realistic size.

The demonstration has ids and times of its own, which no import can set: the services' own commands load it. Everything
else but enrollments is imported, as an organisation would do it.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

from stack.console import Step, Steps
from stack.errors import ProcessFailed
from stack.paths import CLIENT, REPOSITORY
from stack.processes.environment import base_environment
from stack.processes.managed_process import last_lines
from stack.product.applications import Application
from stack.product.seed_files import FIRST_PERSON, Row, course_title, courses, people, sessions, write_files

SILENCE_SECONDS = 600.0
STOP_SECONDS = 10.0
LINE_BYTES = 64 * 1024
PLACES = 30
SESSIONS_PER_COURSE = 10
SPARE_PLACES = 1.25
FILE_BYTES = 48 * 1024 * 1024
"""Less than an import may have."""
PROGRESS = re.compile(r"(\d+)\s*(?:/|of)\s*(\d+)")
PERCENT = re.compile(r"(\d+) %")


@dataclass(frozen=True)
class Size:
    """How much to load. What is None is derived from the rest."""

    people: int | None = None
    enrollments: int | None = None
    courses: int | None = None
    sessions: int | None = None
    places: int | None = None

    @property
    def is_demonstration(self) -> bool:
        """Whether no size was given: then the demonstration rows are loaded."""
        return self == Size()

    def resolved(self) -> "Sizes":
        """25 % more places than enrollments, enough sessions for those of one person, and by default ten enrollments a
        person."""
        enrollments = self.enrollments or 10 * (self.people or 100)
        people = self.people or max(1, enrollments // 10)
        places = self.places or PLACES
        enough = max(ceil(enrollments * SPARE_PLACES / places), ceil(enrollments / people))
        sessions = self.sessions or enough
        courses = self.courses or ceil(sessions / SESSIONS_PER_COURSE)
        return Sizes(people, enrollments, courses, sessions, places)


@dataclass(frozen=True)
class Sizes:
    """How much is loaded, with nothing left open."""

    people: int
    enrollments: int
    courses: int
    sessions: int
    places: int


@dataclass(frozen=True)
class Target:
    """Where rows go: the gateway, and a token of an Admin."""

    gateway_url: str
    token: str

    @property
    def environment(self) -> dict[str, str]:
        """Of the `muster` command."""
        return base_environment(PYTHONPATH=str(CLIENT), MUSTER_URL=self.gateway_url, MUSTER_TOKEN=self.token)


async def load_demonstration(catalog: Application, enrollment: Application, log: Path, steps: Steps) -> None:
    """Run the seed command of the catalog, then of enrollment, and show their progress."""
    for application in (catalog, enrollment):
        with steps.step(f"Demonstration data of the {application.name} service") as step:
            await _run(application.command("seed"), application.command_environment, log, step)


async def load(sizes: Sizes, target: Target, enrollment: Application, folder: Path, log: Path, steps: Steps) -> None:
    """Import people, courses and sessions, then enroll the people; what is there already stays as it is."""
    await import_rows(sizes, target, folder, log, steps)
    with steps.step("Enrollments") as step:
        options = [f"--first={FIRST_PERSON}", f"--people={sizes.people}", f"--enrollments={sizes.enrollments}"]
        await _run(enrollment.command("seed", *options), enrollment.command_environment, log, step)


async def import_rows(sizes: Sizes, target: Target, folder: Path, log: Path, steps: Steps) -> None:
    """Through the API, as anybody else would with the `muster` command. The files are in the folder meanwhile."""
    with TemporaryDirectory(dir=folder, prefix="seed-") as name:
        place = Path(name)
        await _import(place, "courses", courses(sizes.courses), target, log, steps)
        ids = await _course_ids(place, sizes.courses, target, log, steps)
        await _import(
            place, "sessions", sessions(sizes.sessions, ids, sizes.places, datetime.now(UTC)), target, log, steps
        )
        await _import(place, "people", people(sizes.people), target, log, steps)


async def _import(place: Path, kind: str, rows: Iterator[Row], target: Target, log: Path, steps: Steps) -> None:
    for file in write_files(place, kind, rows, FILE_BYTES):
        with steps.step(f"Import of {file.stem}") as step:
            command = muster("import", str(file), "--kind", kind)
            await _run(command, target.environment, log, step, shows_errors=True)


async def _course_ids(place: Path, count: int, target: Target, log: Path, steps: Steps) -> list[int]:
    """Of the courses that were imported, in the order of their numbers. Lists do not have their `external_id`: of those
    with the same title, the newest is the one."""
    file = place / "ids.ndjson"
    with steps.step("Ids of the courses") as step:
        await _run(muster("export", "courses", "--output", str(file)), target.environment, log, step)
        with file.open(encoding="utf-8") as lines:
            ids = {row["title"]: int(row["id"]) for row in map(json.loads, lines)}
        step.result = f"{count:,}"
        return [ids[course_title(number)] for number in range(count)]


def muster(*arguments: str) -> list[str]:
    """The command line of the client."""
    return [sys.executable, "-m", "muster", *arguments]


async def _run(
    command: Sequence[str], environment: dict[str, str], log_file: Path, step: Step, *, shows_errors: bool = False
) -> None:
    """With `shows_errors` the progress is read from there too. ProcessFailed has the last lines of the log."""
    with log_file.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if shows_errors else log,
            env=environment,
            cwd=REPOSITORY,
            limit=LINE_BYTES,
            start_new_session=True,
        )
    try:
        await _show_progress(process, step, log_file)
        status = await process.wait()
    finally:
        await _end(process)
    if status != 0:
        what = f"{' '.join(command[2:4])} failed with exit status {status}."
        raise ProcessFailed(what, log_file, last_lines(log_file))


async def _show_progress(process: asyncio.subprocess.Process, step: Step, log_file: Path) -> None:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    while line := await asyncio.wait_for(process.stdout.readline(), SILENCE_SECONDS):
        text = line.decode(errors="replace").strip()
        with log_file.open("a", encoding="utf-8") as log:
            log.write(f"{text}\n")
        if progress := read_progress(text):
            step.advance(*progress)
        if text:
            step.note(text)
            step.result = text


def read_progress(line: str) -> tuple[int, int] | None:
    """Done and total, from a line such as `enrollments 1500/20000` or `34 %`; None if the line has no progress."""
    if percent := PERCENT.search(line):
        return int(percent[1]), 100
    match = PROGRESS.search(line.replace(",", ""))
    return (int(match[1]), int(match[2])) if match else None


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
