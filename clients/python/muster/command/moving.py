"""`muster import` and `muster export`: files into Muster and out of it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from muster import exporting, importing
from muster.command.common import DONE, AsJson, Common, Session
from muster.errors import BadInput
from muster.exports import OTHERS, TRAINING
from muster.imports import Reference

IMPORT_STATUS: Final = (
    "Exit status: 0 if all of the file is in, 1 if lines were refused, or if mode complete has ended no row, 2 if the"
    " file was not taken or its import has failed or was cancelled, 130 after Ctrl-C."
)
EXPORT_STATUS: Final = "Exit status: 0 if the file is whole, 2 if there is none, 130 after Ctrl-C."


def add_moving(app: typer.Typer) -> None:
    app.command("import", epilog=IMPORT_STATUS)(import_)
    app.command("export", epilog=EXPORT_STATUS)(export)


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
    as_json: AsJson = False,
) -> None:
    """Import a file of people, courses, sessions or completions."""
    common: Common = context.obj

    def work(session: Session) -> int:
        if [file, follow, cancel].count(None) != 2:
            raise BadInput("Give a file, or --follow, or --cancel: one of them.")
        out = session.screen if as_json else session.out
        importer = importing.Importer(session.transport, session.screen, out, is_local=session.settings.is_local)
        if follow is not None:
            status = importer.look(Reference.of(follow, kind), refused)
        elif cancel is not None:
            status = importer.cancel(Reference.of(cancel, kind))
        else:
            wanted = importing.Wanted(file or "", kind, type_, charset, mode, dry_run, compress, refused)
            status = importer.run(wanted)
        if as_json and importer.job is not None:
            saved = importer.refused_file
            session.output.row({**importer.job.data, "refused_file": None if saved is None else str(saved)})
        return status

    common.run(work, as_json=as_json)


def _lists(incomplete: str) -> list[str]:
    """For the tab key."""
    return sorted(name for name in (*TRAINING, *OTHERS) if name.startswith(incomplete))


def export(
    context: typer.Context,
    list_: Annotated[
        str,
        typer.Argument(metavar="LIST", help="courses, employees, employees/456/training, …", autocompletion=_lists),
    ],
    filters: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="status=completed")] = None,
    format_: Annotated[Format | None, typer.Option("--format", help="By the file's name if left out, or csv")] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="- for standard output; by the server's name if left out")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Export a list, all of its rows at one moment."""
    common: Common = context.obj
    wanted = exporting.Wanted(list_, format_, output, tuple(filters or ()))

    def work(session: Session) -> int:
        if as_json and output == exporting.STANDARD_OUTPUT:
            raise BadInput("With --output - the list itself comes on standard output, and --json has no place there.")
        out, count = session.screen if as_json else session.out, session.screen.shows_bars
        done = exporting.export(session.transport, wanted, session.screen, out, count=count)
        if as_json:
            session.output.row(
                {
                    "file": str(done.path),
                    "rows": done.progress.rows,
                    "bytes": done.progress.bytes,
                    "cursor": done.cursor,
                }
            )
        return DONE

    common.run(work, as_json=as_json)
