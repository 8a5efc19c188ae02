"""`./dev faults`: long random stories of faults on a bed of their own."""

import os
import subprocess
import sys
from collections.abc import Sequence

from stack.commands.test import NOT_PASSED_ON
from stack.paths import REPOSITORY, STACK_DIRECTORY, Layout


def faults(arguments: Sequence[str]) -> int:
    """Run them in a process of their own; answers its exit status."""
    Layout(STACK_DIRECTORY).create()
    environment = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    command = [sys.executable, "-m", "tests.faults", *arguments]
    return subprocess.run(command, env=environment, cwd=REPOSITORY, check=False).returncode
