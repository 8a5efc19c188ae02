"""What clients say about imports, and what they read of them (contract, section 11)."""

from typing import Annotated, Final, Literal

from pydantic import Field

from shared.http.conditional import RowKey
from shared.http.models import Query
from shared.http.pagination import PagedQuery
from shared.http.representation import ChangedBy, Representation, TrainingTimestamp
from shared.imports.kind import Mode
from shared.validation.fields import QueryFlag

PATH: Final = "/api/v1/imports"
MAX_BYTES: Final = 64 * 1024 * 1024
"""Of a file as it is sent, and of what it unpacks to."""
MOST_UNFINISHED: Final = 10
"""Imports of an organisation in a service that are received, wait or run."""
KEPT_REFUSALS: Final = 10_000
"""Of an import: those after them are counted alone."""

KindName = Literal["people", "courses", "sessions", "completions"]
Status = Literal["receiving", "waiting", "running", "completed", "failed", "cancelled"]


class ImportQuery(Query):
    """`mode` `complete` ends the rows that the file does not name. With `dry_run` nothing changes, and the job tells
    what would."""

    kind: KindName
    mode: Mode = "changes"
    dry_run: Annotated[QueryFlag, Field(description="Tells what would come of it, and changes nothing.")] = False


class ImportListQuery(PagedQuery):
    status: Status | None = None


class ImportItem(Representation):
    """A file on its way into the organisation's rows.

    `lines` are those that are done, and `bytes_read` of `bytes` how far it is. `created`, `changed`, `unchanged` and
    `refused` count lines, `removed` the rows that mode `complete` has ended. `message` says what became of the file as
    a whole, where that is not its lines' matter.
    """

    id: int
    kind: KindName
    mode: Mode
    dry_run: bool
    status: Status
    lines: int
    bytes: int
    bytes_read: int
    created: int
    changed: int
    unchanged: int
    removed: int
    refused: int
    message: str | None
    created_at: TrainingTimestamp
    started_at: TrainingTimestamp | None
    finished_at: TrainingTimestamp | None
    created_by: ChangedBy


class RefusalItem(Representation):
    """Why a line was refused. `field` is null where the line as a whole is meant; `text` is the line as it came, in the
    first of its refusals alone."""

    line: int
    field: str | None
    reason: str
    text: str | None


def import_row(organisation_id: int, row_id: int) -> RowKey:
    return RowKey("import", organisation_id, row_id)
