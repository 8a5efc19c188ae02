"""`./dev seed`: demonstration rows, or a realistic size."""

import asyncio
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from stack.console import Step, Steps
from stack.errors import ProcessFailed
from stack.paths import REPOSITORY
from stack.processes.managed_process import last_lines
from stack.product.applications import Application

SILENCE_SECONDS = 600.0
STOP_SECONDS = 10.0
LINE_BYTES = 64 * 1024
PLACES = 30
SESSIONS_PER_COURSE = 10
SPARE_PLACES = 1.25
PROGRESS = re.compile(r"(\d+)\s*(?:/|of)\s*(\d+)")


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

    def catalog_options(self) -> list[str]:
        """The catalog's options: 25 % more places than enrollments, and enough sessions for those of one person."""
        people, enrollments = self._people_and_enrollments()
        places = self.places or PLACES
        enough = max(ceil(enrollments * SPARE_PLACES / places), ceil(enrollments / people))
        sessions = self.sessions or enough
        courses = self.courses or ceil(sessions / SESSIONS_PER_COURSE)
        return [f"--courses={courses}", f"--sessions={sessions}", f"--places={places}"]

    def enrollment_options(self) -> list[str]:
        """The enrollment service's options: by default ten enrollments a person."""
        people, enrollments = self._people_and_enrollments()
        return [f"--people={people}", f"--enrollments={enrollments}"]

    def _people_and_enrollments(self) -> tuple[int, int]:
        enrollments = self.enrollments or 10 * (self.people or 100)
        return self.people or max(1, enrollments // 10), enrollments


async def load(size: Size, catalog: Application, enrollment: Application, log: Path, steps: Steps) -> None:
    """Run the seed command of the catalog, then of enrollment, and show their progress."""
    demonstration = size.is_demonstration
    for application, options in (
        (catalog, [] if demonstration else size.catalog_options()),
        (enrollment, [] if demonstration else size.enrollment_options()),
    ):
        what = "Demonstration data" if demonstration else "Data"
        with steps.step(f"{what} of the {application.name} service") as step:
            await _run(application, options, log, step)


async def _run(application: Application, options: Sequence[str], log_file: Path, step: Step) -> None:
    with log_file.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *application.command("seed", *options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=application.command_environment,
            cwd=REPOSITORY,
            limit=LINE_BYTES,
            start_new_session=True,
        )
    try:
        await _show_progress(process, step)
        status = await process.wait()
    finally:
        await _end(process)
    if status != 0:
        what = f"Loading the data of the {application.name} service failed with exit status {status}."
        raise ProcessFailed(what, log_file, last_lines(log_file))


async def _show_progress(process: asyncio.subprocess.Process, step: Step) -> None:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    while line := await asyncio.wait_for(process.stdout.readline(), SILENCE_SECONDS):
        text = line.decode(errors="replace").strip()
        if progress := read_progress(text):
            step.advance(*progress)
        if text:
            step.note(text)
            step.result = text


def read_progress(line: str) -> tuple[int, int] | None:
    """Done and total, from a line such as `enrollments 1500/20000`; None if the line has no progress."""
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
