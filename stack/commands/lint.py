"""`./dev lint`: the checks that every change passes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from stack.commands.documents import documents_command
from stack.commands.licences import check_page
from stack.commands.typescript import check_types
from stack.console import Steps
from stack.errors import StackError
from stack.paths import CLIENT, REPOSITORY

CHECK_SECONDS = 600.0


def lint(steps: Steps) -> int:
    """Run each check, all of them whatever the first ones say; answers 1 when any fails."""
    programs = Path(sys.executable).parent
    failed = [
        title
        for title, command in (
            ("ruff check", [programs / "ruff", "check"]),
            ("ruff format --check", [programs / "ruff", "format", "--check"]),
            ("mypy", [programs / "mypy"]),
            ("mypy of examples", [programs / "mypy", *sorted((CLIENT / "examples").glob("*.py"))]),
            ("lint-imports", [programs / "lint-imports"]),
            ("documents", documents_command("--check")),
        )
        if not _passes(title, [str(part) for part in command], steps)
    ]
    failed += [
        title for title, check in (("licences", check_page), ("types", check_types)) if not _holds(title, check, steps)
    ]
    return 1 if failed else 0


def _holds(title: str, check: Callable[[], None], steps: Steps) -> bool:
    """Whether the check raises no StackError."""
    with steps.step(title) as step:
        try:
            check()
            step.result = "passed"
            return True
        except StackError as error:
            step.result = "FAILED"
            reason = str(error)
    steps.say(reason)
    return False


def _passes(title: str, command: list[str], steps: Steps) -> bool:
    with steps.step(title) as step:
        result = subprocess.run(
            command,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(CLIENT)},  # lint-imports finds it by nothing else
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=CHECK_SECONDS,
            check=False,
        )
        step.result = "passed" if result.returncode == 0 else "FAILED"
    if result.returncode != 0:
        steps.say(result.stdout.rstrip())
    return result.returncode == 0
