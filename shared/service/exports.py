"""Lists that are sent whole: the rows of one moment in one stream (contract, section 1; decision 29)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from aiohttp import web
from pydantic import BaseModel

from shared.concurrency.deadline import time_left
from shared.concurrency.fair_semaphore import FairSemaphore
from shared.errors import DeadlinePassed, NotFound, Overloaded, ValidationFailed
from shared.exports.formats import Csv, Format, Ndjson, parsed
from shared.exports.spreadsheet import MOST_BYTES, MOST_ROWS, Spreadsheet
from shared.http.accept import CSV_TYPE, NDJSON_TYPE, XLSX_TYPE
from shared.http.models import Body
from shared.http.pagination import PagedQuery
from shared.http.responses import api_error
from shared.http.routing import Call
from shared.http.stream_slots import STALL_TIMEOUT
from shared.http.streaming import Streamed
from shared.postgres.batched_reads import PageRead, Row
from shared.postgres.errors import DatabaseUnavailable
from shared.postgres.pool import Connection
from shared.postgres.snapshot_reads import LONGEST_SECONDS, SnapshotReads, plan_for_arguments
from shared.service.event_cursor import event_cursor

EXPORTS_AT_ONCE: Final = 4
"""Of one process; each has a connection to the database of its own."""
OF_ORGANISATION: Final = 2
RETRY_AFTER: Final = 10
"""Seconds."""
ROWS_OF_STEP: Final = 1000
SPREADSHEETS_AT_ONCE: Final = 1
_TOO_MANY: Final = "Too many exports are being made. Try again soon."
_TOO_LARGE: Final = (
    f"A spreadsheet has at most {MOST_ROWS:,} rows and {MOST_BYTES // 2**20} MiB. Ask for {CSV_TYPE} instead."
)
_OF_PAGES: Final = ("page", "per_page", "cursor", "total")

Q = TypeVar("Q", bound=PagedQuery)
Handler = Callable[[Call[Any, Body]], Awaitable[Streamed]]
Step = Callable[[Connection, Call[Any, Body], Any], Awaitable[Row]]


def _own(call: Call[Any, Any]) -> Iterable[int]:
    return [call.organisation_id]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list as exports read it. `step` reads the rows that its query asks for: its last two columns are they and the
    key of the last one, as `shared.postgres.lists` makes them; it raises what the list's route refuses with. The
    transaction sees the rows of these `organisations`."""

    item: type[BaseModel]
    step: Step
    organisations: Callable[[Call[Any, Any]], Iterable[int]] = _own


def of_read(read: Callable[[Call[Any, Body], Any], PageRead], not_found: type[NotFound] | None = None) -> Step:
    """The step of a list that is one statement. With `not_found`, which it raises, the statement's first column says
    whether there is the row that the list belongs to."""

    async def step(connection: Connection, call: Call[Any, Body], query: Any) -> Row:
        page = read(call, query)
        if page.slow:
            await plan_for_arguments(connection)
        row = await page.alone(connection)
        if not_found is not None and not row[0]:
            raise not_found
        return row

    return step


def exports_of(listing: Listing, *, spreadsheet: bool = False) -> Mapping[str, Handler]:
    """What a route answers with in place of pages, by media type."""
    handlers: dict[str, Handler] = {
        CSV_TYPE: partial(_as_lines, listing, Csv(listing.item)),
        NDJSON_TYPE: partial(_as_lines, listing, Ndjson()),
    }
    return {**handlers, XLSX_TYPE: partial(_as_spreadsheet, listing)} if spreadsheet else handlers


class Exports:
    """How many a process makes at once, and where it reads them."""

    def __init__(self, name: str, url: str) -> None:
        self._name = f"{name} export"
        self._url = url
        self._permits = FairSemaphore(EXPORTS_AT_ONCE, OF_ORGANISATION, resource="export")
        self._sheets = FairSemaphore(SPREADSHEETS_AT_ONCE, SPREADSHEETS_AT_ONCE, resource="spreadsheet")

    async def begin(self, call: Call[Any, Body], listing: Listing) -> "Export":
        """Raises what `look` raises."""
        moment = await self.look(call, listing.organisations(call))
        return Export(call, listing, moment)

    async def look(self, call: Call[Any, Body], organisations: Iterable[int]) -> "Moment":
        """What it holds is given back with the request's slot, whatever becomes of it.

        Raises `Overloaded` or `DatabaseUnavailable`.
        """
        held, organisation, slot = ExitStack(), call.organisation_id, call.request.slot
        if slot is None:
            raise TypeError("An export has a slot.")
        if not self._permits.try_acquire(organisation):
            raise Overloaded(_TOO_MANY, retry_after=RETRY_AFTER)
        held.callback(self._permits.release, organisation)
        slot.when_closed(held.close)
        loop = asyncio.get_running_loop()
        held.callback(loop.call_later(LONGEST_SECONDS + STALL_TIMEOUT, slot.cut).cancel)
        reads = await SnapshotReads.begin(self._url, organisations, name=self._name)
        held.callback(reads.abandon)
        return Moment(reads, held, loop.time() + LONGEST_SECONDS)

    def new_sheet(self, export: "Export") -> Spreadsheet:
        """Raises `Overloaded`: one takes a processor, and room for its file."""
        organisation = export.call.organisation_id
        if not self._sheets.try_acquire(organisation):
            raise Overloaded(_TOO_MANY, retry_after=RETRY_AFTER)
        export.moment.held.callback(self._sheets.release, organisation)
        sheet = Spreadsheet(_name(export.call), export.listing.item)
        export.moment.held.callback(sheet.close)
        return sheet


EXPORTS = web.AppKey("exports", Exports)


@dataclass(slots=True)
class Moment:
    """Rows as they were at one moment; `held` is what the end of reading them gives back, and `until` when it has to be
    over."""

    reads: SnapshotReads
    held: ExitStack
    until: float

    def check_time(self) -> None:
        """Raises `DeadlinePassed`."""
        if asyncio.get_running_loop().time() >= self.until:
            raise DeadlinePassed(f"The export took longer than {LONGEST_SECONDS // 60} minutes.")
        time_left(LONGEST_SECONDS)

    def file(self, call: Call[Any, Any], ending: str) -> dict[str, str]:
        """The headers of a file, which is named after the path and the day."""
        return {"Content-Disposition": f'attachment; filename="{_name(call)}-{self.reads.day}.{ending}"'}


@dataclass(slots=True)
class Export:
    """One on its way."""

    call: Call[Any, Body]
    listing: Listing
    moment: Moment
    after: int = 0
    is_complete: bool = False

    async def more(self) -> str:
        """The rows of the next step, as lines. Raises `DeadlinePassed`, and what the list's route refuses with."""
        self.moment.check_time()
        query = self.call.query.step_of_export(self.after, ROWS_OF_STEP)
        *_, lines, last = await self.listing.step(self.moment.reads.connection, self.call, query)
        self.after, self.is_complete = last or 0, last is None
        if self.is_complete:
            with suppress(DatabaseUnavailable):
                await self.moment.reads.end()
        return str(lines)

    def headers(self, cursor: Mapping[str, str], ending: str) -> dict[str, str]:
        return {**cursor, **self.moment.file(self.call, ending)}


async def _as_lines(listing: Listing, form: Format, call: Call[Any, Body]) -> Streamed:
    cursor = await _cursor_of(call)
    export = await call.app[EXPORTS].begin(call, listing)
    first = await export.more()  # what is refused, is so before the answer begins
    return Streamed(_lines(export, form, first), form.content_type, headers=export.headers(cursor, form.ending))


async def _lines(export: Export, form: Format, first: str) -> AsyncIterator[bytes]:
    """Whoever reads it sees where it fails: by its last line, and by the reset that follows."""
    yield form.begin()
    lines = first
    try:
        while True:
            for rows in form.rows(lines):
                yield rows
                await asyncio.sleep(0)  # others have their turn
            if export.is_complete:
                return
            lines = await export.more()
    except Exception as error:
        refusal = api_error(error)
        yield form.error(refusal)
        raise refusal from error


async def _as_spreadsheet(listing: Listing, call: Call[Any, Body]) -> Streamed:
    cursor = await _cursor_of(call)
    export = await call.app[EXPORTS].begin(call, listing)
    sheet = call.app[EXPORTS].new_sheet(export)
    while not export.is_complete:
        lines = await export.more()
        for items in parsed(lines):
            await asyncio.to_thread(sheet.add, items)
        if sheet.is_too_large():
            raise ValidationFailed({"Accept": [_TOO_LARGE]})
    await asyncio.to_thread(sheet.finish)
    return Streamed(_parts(sheet), XLSX_TYPE, headers=export.headers(cursor, "xlsx"))


async def _parts(sheet: Spreadsheet) -> AsyncIterator[bytes]:
    for part in sheet.parts():
        yield part


async def _cursor_of(call: Call[Any, Body]) -> Mapping[str, str]:
    """Taken before any row is read. Raises `ValidationFailed` for a query that asks for a part."""
    require_no_part(call)
    query: PagedQuery = call.query
    return await event_cursor(call.app, call.organisation_id) if query.leads_on else {}


def require_no_part(call: Call[Any, Body]) -> None:
    """Raises `ValidationFailed`."""
    query: PagedQuery = call.query
    asked = [name for name in _OF_PAGES if name in query.model_fields_set]
    if asked:
        raise ValidationFailed({name: ["Must not be given for an export, which has all rows."] for name in asked})


def _name(call: Call[Any, Any]) -> str:
    """Of the file, after the path: `courses`, `employees-7-training`."""
    path = unquote(call.request.target.path).removeprefix("/api/v1/").removeprefix("training/")
    return path.replace("/", "-")
