"""`./dev unit`: the tests of rules and pure code, on no server at all."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from stack.commands.test import NOT_PASSED_ON
from stack.paths import REPOSITORY

OPTIONS = ("--override-ini=testpaths=tests/unit", "-m", "not slow", "--numprocesses=2", "--dist=loadfile")
"""The arguments of the command line come after them and count."""


def unit(pytest_arguments: Sequence[str]) -> int:
    """Run pytest on tests/unit, or on what the arguments name there; returns its exit status.

    Each property is tried on few examples: `./dev test` tries it on many.
    """
    command = [sys.executable, "-m", "pytest", *OPTIONS, *pytest_arguments]
    return subprocess.run(command, env=unit_environment(os.environ), cwd=REPOSITORY, check=False).returncode


def unit_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Without the addresses of any server; UNIT_PROFILE=suite in it asks for as many examples as `./dev test` tries."""
    kept = {
        name: value
        for name, value in environment.items()
        if name not in NOT_PASSED_ON and not (name.startswith("TEST_") and name.endswith("_URL"))
    }
    return {"UNIT_PROFILE": "quick", **kept}
