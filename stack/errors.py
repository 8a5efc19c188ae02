"""What can go wrong with the local stack, in words for the person at the terminal."""

from pathlib import Path


class StackError(Exception):
    """The command cannot go on; the message says why and what helps, and is shown without a traceback."""


class ProcessFailed(StackError):
    """A process ended, or did not become ready in its time; carries the last lines of its log."""

    def __init__(self, what: str, log_file: Path, last_lines: list[str]) -> None:
        shown = "\n".join(f"    {line}" for line in last_lines) or "    (the log is empty)"
        super().__init__(f"{what}\n  last lines of {log_file}:\n{shown}")
