"""The `muster` command."""

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from muster import __version__, exporting, importing
from muster.errors import BadInput, MusterError
from muster.imports import Reference
from muster.progress import Screen
from muster.settings import Settings
from muster.transport import Transport

IMPORT_STATUS = (
    "Exit status: 0 if all of the file is in, 1 if lines were refused, or if mode complete has ended no row, 2 if the"
    " file was not taken or its import has failed or was cancelled, 130 after Ctrl-C."
)
EXPORT_STATUS = "Exit status: 0 if the file is whole, 2 if there is none, 130 after Ctrl-C."

app = typer.Typer(
    name="muster",
    help="Files into Muster and out of it. MUSTER_URL says where the server is; MUSTER_TOKEN, or MUSTER_CLIENT_ID and"
    " MUSTER_CLIENT_SECRET, who asks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class Kind(StrEnum):
    PEOPLE = "people"
    COURSES = "courses"
    SESSIONS = "sessions"
    COMPLETIONS = "completions"


class Mode(StrEnum):
    CHANGES = "changes"
    COMPLETE = "complete"


class FileType(StrEnum):
    CSV = "csv"
    NDJSON = "ndjson"


class Format(StrEnum):
    CSV = "csv"
    NDJSON = "ndjson"
    XLSX = "xlsx"


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
    context.obj = _Common(given, Screen(Console(stderr=True), quiet=quiet), Screen(Console()))


class _Common:
    def __init__(self, given: dict[str, str | None], screen: Screen, out: Screen) -> None:
        self.given = given
        self.screen = screen
        self.out = out

    def run(self, work: Callable[[Transport, Settings], int]) -> None:
        """Ends the command with the status of the work; an error becomes what a person should read."""
        try:
            settings = Settings.of(self.given, os.environ)
            with Transport(settings, notify=self.screen.note) as transport:
                status = work(transport, settings)
        except MusterError as error:
            self.screen.say(str(error))
            status = importing.FAILED
        except KeyboardInterrupt:
            status = importing.INTERRUPTED
        raise typer.Exit(status)


@app.command("import", epilog=IMPORT_STATUS)
def import_(
    context: typer.Context,
    file: Annotated[str | None, typer.Argument(help="CSV or NDJSON, also .gz; - for standard input")] = None,
    kind: Annotated[Kind | None, typer.Option(help="What the file has; by its name if left out")] = None,
    mode: Annotated[Mode, typer.Option(help="complete: rows that the file does not name end")] = Mode.CHANGES,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come of it")] = False,
    charset: Annotated[str | None, typer.Option(help="Of a CSV file that is not UTF-8: windows-1252, …")] = None,
    type_: Annotated[FileType | None, typer.Option("--type", help="By the file's name if left out")] = None,
    compress: Annotated[
        bool | None, typer.Option("--gzip/--no-gzip", help="Compress it on its way; where it pays if left out")
    ] = None,
    refused: Annotated[Path | None, typer.Option(help="Where refused lines go; FILE.refused.csv if left out")] = None,
    follow: Annotated[str | None, typer.Option(metavar="people/12", help="Show an import that is on its way")] = None,
    cancel: Annotated[str | None, typer.Option(metavar="people/12", help="End an import")] = None,
) -> None:
    """Import a file of people, courses, sessions or completions."""
    common: _Common = context.obj

    def work(transport: Transport, settings: Settings) -> int:
        if [file, follow, cancel].count(None) != 2:
            raise BadInput("Give a file, or --follow, or --cancel: one of them.")
        importer = importing.Importer(transport, common.screen, common.out, is_local=settings.is_local)
        if follow is not None:
            return importer.look(Reference.of(follow, kind), refused)
        if cancel is not None:
            return importer.cancel(Reference.of(cancel, kind))
        wanted = importing.Wanted(file or "", kind, type_, charset, mode, dry_run, compress, refused)
        return importer.run(wanted)

    common.run(work)


@app.command("export", epilog=EXPORT_STATUS)
def export(
    context: typer.Context,
    list_: Annotated[str, typer.Argument(metavar="LIST", help="courses, employees, employees/456/training, …")],
    filters: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="status=completed")] = None,
    format_: Annotated[Format | None, typer.Option("--format", help="By the file's name if left out, or csv")] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="- for standard output; by the server's name if left out")
    ] = None,
) -> None:
    """Export a list, all of its rows at one moment."""
    common: _Common = context.obj
    wanted = exporting.Wanted(list_, format_, output, tuple(filters or ()))
    common.run(
        lambda transport, settings: exporting.export(
            transport, wanted, common.screen, common.out, count=common.screen.shows_bars
        )
    )


def main() -> None:
    """Run the command; ends the process."""
    app(prog_name="muster")
