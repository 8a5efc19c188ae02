"""`./dev documents`: the documents that describe the API. They are made from the code of the services, which this
process does not import: another one writes them."""

import subprocess
import sys

from stack.paths import REPOSITORY


def documents_command(*options: str) -> list[str]:
    return [sys.executable, "-m", "documents", *options]


def write_documents() -> int:
    """Answers the exit status of the process."""
    return subprocess.run(documents_command(), cwd=REPOSITORY, check=False).returncode
