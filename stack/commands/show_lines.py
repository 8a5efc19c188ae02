"""`python -m stack.commands.show_lines NAME LOG`: shows the lines of a process in the foreground, and keeps them."""

import sys
from pathlib import Path
from typing import BinaryIO

from rich.console import Console

from stack.commands.logs import Show
from stack.processes.log_lines import parse


def show_lines(name: str, lines: BinaryIO, log_file: Path, console: Console) -> None:
    """Show each line readable, and append it to the log as it is, until there are no more."""
    show = Show(console)
    with log_file.open("ab", buffering=0) as log:
        for line in lines:
            log.write(line)
            show(parse(name, line.decode(errors="replace").rstrip("\n")))
    console.print(f"{name} has ended; the stack starts its own again.")


if __name__ == "__main__":
    show_lines(sys.argv[1], sys.stdin.buffer, Path(sys.argv[2]), Console(stderr=True))
