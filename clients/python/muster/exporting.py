"""`muster export`: writes a list into a file."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muster.errors import BadInput
from muster.exports import FORMATS, Exported, Exports, Progress, path_of
from muster.progress import Screen, amount, rows
from muster.transport import Transport

STANDARD_OUTPUT: Final = "-"


@dataclass(frozen=True)
class Wanted:
    """What was asked for, as it was given. `filters` are like `status=completed`."""

    list: str
    format: str | None = None
    output: str | None = None
    filters: Sequence[str] = ()


def export(transport: Transport, wanted: Wanted, screen: Screen, out: Screen, *, count: bool) -> Exported:
    """What came of it; with `count` the rows are counted first. Raises `MusterError`."""
    path, filters, exports = path_of(wanted.list), filters_of(wanted.filters), Exports(transport)
    format_ = wanted.format or _format_of(wanted.output)
    total = exports.total(path, filters) if count else None
    with screen.bar(f"Exporting {wanted.list}") as bar:

        def report(progress: Progress) -> None:
            bar.show(progress.rows or 0, total, _said(progress))

        if wanted.output == STANDARD_OUTPUT:
            done = exports.copy(path, format_, filters, sys.stdout.buffer, report)
        else:
            output = None if wanted.output is None else Path(wanted.output)
            done = exports.save(path, format_, filters, output, report)
    if done.path is not None:
        out.say(f"{done.path}: {_said(done.progress)}")
    if done.cursor is not None:
        (out if done.path is not None else screen).say(f"Event cursor: {done.cursor}")
    return done


def _said(progress: Progress) -> str:
    size = amount(progress.bytes)
    return size if progress.rows is None else f"{rows(progress.rows)}, {size}"


def filters_of(given: Sequence[str]) -> dict[str, str]:
    """Raises `BadInput` for one that is malformed or repeated; what they mean is the server's matter."""
    filters: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name or name in filters:
            raise BadInput(f"A filter is like status=completed, and given once. This is: {each}")
        filters[name] = value
    return filters


def _format_of(output: str | None) -> str:
    """By the name of the file, or else CSV."""
    suffix = Path(output or "").suffix.lower().removeprefix(".")
    return {"jsonl": "ndjson"}.get(suffix, suffix if suffix in FORMATS else "csv")
