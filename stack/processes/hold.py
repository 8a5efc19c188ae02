"""Holds: a held process of the stack is not started by its supervisor."""

from dataclasses import dataclass

from stack.paths import Layout, write_private
from stack.processes.file_lock import Say, exclusive
from stack.processes.process_identity import ProcessIdentity, own_status_line, read_identity


@dataclass(frozen=True)
class Hold:
    """Why the supervisor leaves a process alone."""

    holder: ProcessIdentity | None
    """The command that runs it itself; None when it was stopped on purpose."""


async def hold(layout: Layout, name: str, say: Say, *, while_this_process_lives: bool = False) -> None:
    """Keep the supervisor from starting the process `name` until `release`.

    Returns when no start of it is under way: what runs then is named by its pid file and may be stopped by the caller.
    With `while_this_process_lives` the hold ends with the caller too, however that ends.
    """
    async with exclusive(layout.process_lock_file(name), say, f"starting or stopping {name}"):
        write_private(layout.hold_file(name), own_status_line() if while_this_process_lives else "")


def release(layout: Layout, name: str) -> None:
    """End a hold; does nothing when there is none."""
    layout.hold_file(name).unlink(missing_ok=True)


def release_stopped(layout: Layout) -> None:
    """End the holds of processes that were stopped on purpose; those that a living command runs itself stay."""
    for file in layout.run.glob("*.held"):
        held = read_hold(layout, file.stem)
        if held is None or held.holder is None:
            file.unlink(missing_ok=True)


def read_hold(layout: Layout, name: str) -> Hold | None:
    """The hold on a process; None when there is none, or when the command that held it has ended."""
    file = layout.hold_file(name)
    try:
        if not file.read_text():
            return Hold(None)
    except OSError:
        return None
    holder = read_identity(file)
    return Hold(holder) if holder is not None and holder.is_alive() else None
