"""The `muster` command: its options, and its commands by what they are about."""

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from muster import __version__
from muster.command.common import Common
from muster.command.events import add_events
from muster.command.lists import add_lists
from muster.command.moving import add_moving
from muster.command.signing_in import add_signing_in
from muster.command.training import add_training

app = typer.Typer(
    name="muster",
    help="Muster, the system of record for workforce training, from a shell. Sign in once with muster login; a program"
    " sets MUSTER_URL, and MUSTER_CLIENT_ID and MUSTER_CLIENT_SECRET, or MUSTER_TOKEN.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"muster {__version__}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    url: Annotated[str | None, typer.Option(help="Address of the server, else MUSTER_URL")] = None,
    token: Annotated[str | None, typer.Option(help="A token, else MUSTER_TOKEN; others may see options")] = None,
    client_id: Annotated[str | None, typer.Option(help="A program's id, else MUSTER_CLIENT_ID")] = None,
    client_secret: Annotated[
        str | None, typer.Option(help="Its secret, else MUSTER_CLIENT_SECRET; others may see options")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """What all commands have."""
    given = {"url": url, "token": token, "client_id": client_id, "client_secret": client_secret}
    context.obj = Common(given, quiet=quiet)


add_signing_in(app)
add_lists(app)
add_training(app)
add_events(app)
add_moving(app)


def main() -> None:
    """Run the command; ends the process. What the terminal cannot show is shown as a number."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="muster")
