"""Exports: lists that come whole, in one stream, into a file (the API's contract, section 1)."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from muster.errors import BadInput, CutShort, MusterError
from muster.refused import error_of
from muster.rows import RowCounter
from muster.transport import Query, Stream, Transport

FORMATS: Final = {
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
SILENCE_SECONDS: Final = {"csv": 90.0, "ndjson": 90.0, "xlsx": 630.0}
"""A spreadsheet is made whole before any of it comes, within ten minutes."""
TRAINING: Final = (
    "courses",
    "sessions",
    "labels",
    "projects",
    "enrollments",
    "compliance",
    "clearance",
    "records",
    "record-submissions",
    "requirements",
    "settings",
)
OTHERS: Final = (
    "training",
    "employees",
    "staff",
    "companies",
    "calendars",
    "imports",
    "users",
    "clients",
    "organisations",
    "webhooks",
)
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
_FILE_NAME: Final = re.compile(r'filename="([A-Za-z0-9][A-Za-z0-9._-]*)"')


def path_of(name: str) -> str:
    """Of a list by its name: `courses`, `employees/456/training`, `imports/people/12/refusals`. Raises `BadInput`."""
    first, *others = segments = name.strip("/").split("/")
    if not all(map(_SEGMENT.match, segments)) or first not in (*TRAINING, *OTHERS):
        raise BadInput(f"There is no list {name}. Lists: {', '.join(sorted((*TRAINING, *OTHERS)))}.")
    return "/".join(["/api/v1", *(["training"] if first in TRAINING else []), first, *others])


@dataclass
class Progress:
    """How far an export is. Rows of a spreadsheet are not known."""

    bytes: int = 0
    rows: int | None = 0


@dataclass(frozen=True)
class Exported:
    """What came of an export. `path` is None on standard output, `cursor` where the list has no events."""

    path: Path | None
    progress: Progress
    cursor: str | None


class Exports:
    """Lists of the caller's organisation."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def total(self, path: str, filters: Query) -> int | None:
        """How many rows the list has, to know how far an export is; None if that cannot be said."""
        try:
            data = self._transport.request("GET", path, {**filters, "per_page": 1}).data
            return int(data["meta"]["total"])
        except (MusterError, KeyError, TypeError, ValueError):
            return None

    def save(
        self,
        path: str,
        format_: str,
        filters: Query,
        output: Path | None,
        report: Callable[[Progress], None],
    ) -> Exported:
        """Into this file, or one that the server names, in the current folder.

        It has its name once it is whole: until then it is beside it with `.part` at its end, and what ends early leaves
        nothing. Raises `BadInput` if it cannot be written, and what `Transport.stream` raises.
        """
        with self._stream(path, format_, filters) as stream:
            file = Path(_name(stream.headers)) if output is None else output
            progress = Progress()
            with _part_of(file) as part:
                for piece in _checked(stream, format_, progress, report):
                    part.write(piece)
        return Exported(file, progress, stream.headers.get("X-Event-Cursor"))

    def copy(
        self, path: str, format_: str, filters: Query, to: BinaryIO, report: Callable[[Progress], None]
    ) -> Exported:
        """Onto a stream, which cannot take back what was incomplete."""
        with self._stream(path, format_, filters) as stream:
            progress = Progress()
            for piece in _checked(stream, format_, progress, report):
                to.write(piece)
            to.flush()
        return Exported(None, progress, stream.headers.get("X-Event-Cursor"))

    @contextmanager
    def _stream(self, path: str, format_: str, filters: Query) -> Iterator[Stream]:
        accept = FORMATS[format_]
        with self._transport.stream(path, filters, accept=accept, silence=SILENCE_SECONDS[format_]) as stream:
            content_type = stream.headers.get("Content-Type", "")
            if content_type.startswith("application/json"):
                raise BadInput(f"This list does not come as {format_}: the server sent JSON.")
            if not content_type.startswith(accept):
                raise error_of(200, None, address=path)
            yield stream


def _checked(stream: Stream, format_: str, progress: Progress, report: Callable[[Progress], None]) -> Iterator[bytes]:
    """Raises `CutShort`, with the server's own reason where it gave one."""
    counter = None if format_ == "xlsx" else RowCounter(is_csv=format_ == "csv")
    progress.rows = None if counter is None else 0
    try:
        for piece in stream.pieces:
            progress.bytes += len(piece)
            if counter is not None:
                progress.rows = counter.add(piece)
            yield piece
            report(progress)
    except CutShort as error:
        reason = None if counter is None else counter.error()
        if reason is None:
            raise
        raise CutShort(f"The export failed: {reason}") from error
    if counter is not None and (reason := counter.error()):
        raise CutShort(f"The export failed: {reason}")


def _name(headers: Mapping[str, str]) -> str:
    """Letters, digits, dots and dashes alone: no path, whatever the server says."""
    match = _FILE_NAME.search(headers.get("Content-Disposition", ""))
    if match is None:
        raise BadInput("The server names no file for this list: say where to with --output.")
    return match[1]


@contextmanager
def _part_of(file: Path) -> Iterator[BinaryIO]:
    """Takes the file's place once the block has ended well, and is gone otherwise."""
    if file.is_dir():
        raise BadInput(f"{file} is a folder.")
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as opened:
            yield opened
        os.replace(part, file)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise BadInput(f"{file} cannot be written: {error.strerror}.") from error
        raise
