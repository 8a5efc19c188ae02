"""`./dev` itself: which lock each command needs, and when it is there already."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = ("requirements.lock", "requirements-tracing.lock", "requirements-dev.lock")
PYTHON = '#!/bin/sh\necho "$@" >>"$CALLS"\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The script with locks and an environment of its own, whose Python notes how it is called."""
    shutil.copy(ROOT / "dev", tmp_path / "dev")
    for name in LOCKS:
        (tmp_path / name).write_text(f"packages of {name}\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON)
    python.chmod(0o755)
    return tmp_path


def called(clone: Path, command: str, *installed: str) -> list[str]:
    """How Python is called where these locks are installed."""
    stamps = [subprocess.check_output(["cksum"], stdin=(clone / name).open(), text=True) for name in installed]
    lines = [f"{name} {stamp.strip()}\n" for name, stamp in zip(installed, stamps, strict=True)]
    (clone / ".venv" / "installed.txt").write_text("".join(lines))
    calls = clone / "calls"
    calls.write_text("")
    subprocess.run([clone / "dev", command], env={**os.environ, "CALLS": str(calls)}, check=True, capture_output=True)
    return calls.read_text().splitlines()


@pytest.mark.parametrize("installed", [LOCKS[:2], (LOCKS[0], LOCKS[2]), (LOCKS[1],), (LOCKS[2],)])
@pytest.mark.parametrize("command", ["up", "status", "trace"])
def test_what_is_installed_is_not_installed_again(clone: Path, command: str, installed: tuple[str, ...]) -> None:
    """The development lock holds everything that the one of tracing does."""
    assert called(clone, command, *installed) == [f"-m stack {command}"]


@pytest.mark.parametrize(
    ("command", "installed", "needed"),
    [
        ("up", (), LOCKS[1]),
        ("up", LOCKS[:1], LOCKS[1]),
        ("test", LOCKS[:2], LOCKS[2]),
        ("lint", (), LOCKS[2]),
    ],
)
def test_what_is_missing_is_installed_once(clone: Path, command: str, installed: tuple[str, ...], needed: str) -> None:
    *before, last = called(clone, command, *installed)
    assert [line.rpartition("/")[2] for line in before if "--require-hashes" in line] == [needed]
    assert last == f"-m stack {command}"
    written = [line.split()[0] for line in (clone / ".venv" / "installed.txt").read_text().splitlines()]
    assert written == sorted({LOCKS[0], needed})
