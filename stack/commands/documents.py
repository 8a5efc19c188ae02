"""`./dev documents`: the documents that describe the API. They are made from the code of the services, which this
process does not import: another one writes them."""

import subprocess
import sys

from stack.paths import REPOSITORY


def documents_command(*options: str) -> list[str]:
    return [sys.executable, "-m", "documents", *options]


def write_documents(*, released: bool) -> int:
    """Answers the exit status of the process."""
    options = ["--released"] if released else []
    return subprocess.run(documents_command(*options), cwd=REPOSITORY, check=False).returncode
