"""Refused lines as CSV: as they came, with the reasons in front, to be repaired and sent again (contract, section 11).

Readers leave out columns whose names begin with `#`, so that the ones in front need not be taken away.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from shared.http.request import Headers
from shared.imports import store
from shared.imports.csv_out import LINE_END, SEPARATOR, csv_line
from shared.imports.lines import MAX_KEPT
from shared.imports.store import FileLayout, Refusal
from shared.postgres.pool import Pool, connected

CSV_TYPE: Final = "text/csv; charset=utf-8; header=present"
IN_FRONT: Final = ("#line", "#field", "#reason")
OF_NO_COLUMNS: Final = "#text"
"""Of a file that has no columns, or whose header was never read."""
STEP: Final = 500
"""Refusals that are read at once."""
_BETWEEN: Final = "; "


def prefers_csv(headers: Headers) -> bool:
    """Whether `Accept` names CSV and no JSON."""
    accept = ",".join(headers.getall("Accept", ())).lower()
    named = [each.partition(";")[0].strip() for each in accept.split(",")]
    return "text/csv" in named and "application/json" not in named


async def repair_file(pool: Pool, place: tuple[int, int], layout: FileLayout) -> AsyncIterator[bytes]:
    """The file in pieces, which is one more import's body."""
    separator = layout.separator or SEPARATOR
    columns = [OF_NO_COLUMNS] if layout.columns is None else layout.columns
    yield csv_line([*IN_FRONT, *columns], separator)
    open_line: list[Refusal] = []
    async for refusals in _steps(pool, place):
        lines = []
        for refusal in refusals:
            if open_line and open_line[0].line != refusal.line:
                lines.append(_line(open_line, layout, separator))
                open_line = []
            open_line.append(refusal)
        yield b"".join(lines)
    if open_line:
        yield _line(open_line, layout, separator)


async def _steps(pool: Pool, place: tuple[int, int]) -> AsyncIterator[Sequence[Refusal]]:
    after = 0
    while True:
        async with connected(pool) as connection:
            refusals = await store.refusals_after(connection, place, after, STEP)
        if not refusals:
            return
        yield refusals
        after = refusals[-1].number


def _line(refusals: Sequence[Refusal], layout: FileLayout, separator: str) -> bytes:
    """A line that is longer than what is kept of it is left out: a part of it would not be what was sent."""
    first = refusals[0]
    fields = _BETWEEN.join(dict.fromkeys(refusal.field or "" for refusal in refusals))
    reasons = _BETWEEN.join(refusal.reason for refusal in refusals)
    text = first.text if first.text is not None and len(first.text) < MAX_KEPT else ""
    if layout.columns is None:
        return csv_line([first.line, fields, reasons, text], separator)
    in_front = csv_line([first.line, fields, reasons], separator).removesuffix(LINE_END.encode())
    return b"".join((in_front, separator.encode(), text.rstrip("\r\n").encode(), LINE_END.encode()))
