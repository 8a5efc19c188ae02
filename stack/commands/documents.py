"""`./dev documents`: the documents that describe the API. They are made from the code of the services, which this
process does not import: another one writes them. From the first of them, a third one makes docs/schema.d.ts."""

import subprocess
import sys

from stack.commands.typescript import write_types
from stack.paths import REPOSITORY


def documents_command(*options: str) -> list[str]:
    return [sys.executable, "-m", "documents", *options]


def write_documents(*, released: bool) -> int:
    """Answers the exit status of the process that failed, or 0."""
    options = ["--released"] if released else []
    return subprocess.run(documents_command(*options), cwd=REPOSITORY, check=False).returncode or write_types()
