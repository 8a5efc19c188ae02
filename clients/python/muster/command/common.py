"""What all commands have: who asks whom, where results go, and how a command ends."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import typer
from rich.console import Console

from muster.asked import Limits
from muster.command.kept import Keeper, file_of
from muster.command.output import Output
from muster.command.signed_in import KeptTokens
from muster.errors import ApiError, MusterError, SettingsMissing
from muster.progress import Screen
from muster.settings import NAMES, Settings, checked_url
from muster.tokens import Tokens
from muster.transport import Transport

DONE: Final = 0
IN_PART: Final = 1
FAILED: Final = 2
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
"""As a shell says it of a command that SIGPIPE has ended."""
NOBODY: Final = (
    "Who asks? Sign in: muster login https://muster.example. A program sets MUSTER_URL, and MUSTER_CLIENT_ID and"
    " MUSTER_CLIENT_SECRET, or MUSTER_TOKEN, in the environment."
)
STATUS: Final = "Exit status: 0 if it is done, 2 if not, 130 after Ctrl-C, 141 if nobody reads what it writes."

AsJson = Annotated[bool, typer.Option("--json", help="For programs: JSON, with a line for each row")]
Filters = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="What the list is filtered by: status=completed")
]
Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="Its id in Muster")]


class OutConsole(Console):
    """Of standard output: a pipe that closes ends the command like any other."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


@dataclass(frozen=True)
class Session:
    """One command that runs."""

    transport: Transport
    settings: Settings
    screen: Screen
    """Standard error: what happens meanwhile."""
    out: Screen
    """Standard output: sentences."""
    output: Output
    """Standard output: rows."""


class Common:
    """The options in front of all commands."""

    def __init__(self, given: dict[str, str | None], *, quiet: bool) -> None:
        self.given = given
        self.keeper = Keeper(file_of(os.environ))
        self.console = OutConsole()
        self.screen = Screen(Console(stderr=True), quiet=quiet)
        self.out = Screen(self.console)

    def output(self, *, as_json: bool) -> Output:
        return Output(self.console, as_json=as_json)

    def run(self, work: Callable[[Session], int], *, as_json: bool = False) -> None:
        """Ends the command with the status of the work, which asks the server as the settings say."""

        def with_transport() -> int:
            settings, tokens = self._who()
            with Transport(settings, notify=self.screen.note, tokens=tokens) as transport:
                return work(Session(transport, settings, self.screen, self.out, self.output(as_json=as_json)))

        self.end(with_transport, as_json=as_json)

    def end(self, work: Callable[[], int], *, as_json: bool = False) -> None:
        """Ends the command with the status of the work; an error becomes what a person, or a program, should read."""
        try:
            status = work()
        except MusterError as error:
            if as_json:
                print(json.dumps({"error": error_data(error)}), file=sys.stderr)
            else:
                self.screen.say(str(error))
            status = FAILED
        except (KeyboardInterrupt, typer.Abort):
            status = INTERRUPTED
        except BrokenPipeError:
            status = nobody_reads()
        raise typer.Exit(status)

    def _who(self) -> tuple[Settings, Tokens | None]:
        """Options come first, then the environment, then who signed in."""
        if any(self.given.get(name) or os.environ.get(f"MUSTER_{name.upper()}") for name in NAMES):
            return Settings.of(self.given, os.environ), None
        login = self.keeper.load()
        if login is None:
            raise SettingsMissing(NOBODY)
        url = self.given.get("url") or os.environ.get("MUSTER_URL")
        if url and checked_url(url) != login.url:
            raise SettingsMissing(f"You are signed in at {login.url}, and not at {url}: muster login {url}")
        return Settings(login.url, email=login.email), KeptTokens(self.keeper, login.url, Limits())


def error_data(error: MusterError) -> dict[str, object]:
    """An error for programs: `code` is None where the server said none, or nothing at all."""
    if not isinstance(error, ApiError):
        return {"code": None, "message": str(error)}
    return {
        "code": error.code,
        "message": error.message,
        "status": error.status,
        "errors": {name: list(reasons) for name, reasons in error.errors.items()},
        "details": dict(error.details),
        "request_id": error.request_id,
    }


def nobody_reads() -> int:
    """What is left in the buffers goes nowhere, and Python says nothing of it at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return PIPE_CLOSED
