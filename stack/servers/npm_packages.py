"""Packages of npm, exactly those that a lock names, in a folder outside the sources."""

import os
import shutil
from pathlib import Path
from typing import Final

from stack.console import Steps
from stack.paths import Layout
from stack.processes.file_lock import exclusive
from stack.processes.managed_process import ManagedProcess
from stack.servers.requirements import Program

LOCK: Final = "package-lock.json"
FILES: Final = ("package.json", LOCK)
INSTALL_SECONDS: Final = 300.0
_STAMP: Final = "installed.json"
"""A copy of the lock, made once all of it is there."""
_OPTIONS: Final = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")


async def npm_packages(source: Path, name: str, layout: Layout, npm: Program, steps: Steps) -> Path:
    """Where the packages are that the lock in `source` pins by checksum: installed again when that changes.

    Raises ProcessFailed if npm could not install them.
    """
    home = layout.root / name
    async with exclusive(layout.root / f"{name}.lock", steps.say, f"installing the packages of {name}"):
        if not _is_installed(source, home):
            with steps.step(f"npm packages of {name}"):
                await _install(source, home, layout, npm)
    return home


def _is_installed(source: Path, home: Path) -> bool:
    stamp = home / _STAMP
    return stamp.exists() and stamp.read_bytes() == (source / LOCK).read_bytes()


async def _install(source: Path, home: Path, layout: Layout, npm: Program) -> None:
    _make_anew(source, home)
    await ManagedProcess("npm", layout.run / f"npm-{home.name}.pid", layout.log / "npm.log").run(
        [str(npm.directory / "npm"), "ci", *_OPTIONS],
        environment=os.environ,  # which may say how npm reaches its registry
        directory=home,
        seconds=INSTALL_SECONDS,
    )
    shutil.copy(source / LOCK, home / _STAMP)


def _make_anew(source: Path, home: Path) -> None:
    """Of what an installation that was killed has left, nothing is sure."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    for file in FILES:
        shutil.copy(source / file, home)
