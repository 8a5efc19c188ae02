"""Models of imports.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.model import Model
from muster.models.shared import ChangedBy


class ImportItem(Model):
    """A file on its way into the organisation's rows.

    `lines` are those that are done, and `bytes_read` of `bytes` how far it is. `created`, `changed`, `unchanged`
    and `refused` count lines, `removed` the rows that mode `complete` has ended. `message` says what became of the
    file as a whole, where that is not its lines' matter.
    """

    id: int
    kind: Literal["people", "courses", "sessions", "completions"] | str
    mode: Literal["changes", "complete"] | str
    dry_run: bool
    status: Literal["receiving", "waiting", "running", "completed", "failed", "cancelled"] | str
    lines: int
    bytes: int
    bytes_read: int
    created: int
    changed: int
    unchanged: int
    removed: int
    refused: int
    message: str | None
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    created_by: ChangedBy


class RefusalItem(Model):
    """Why a line was refused. `field` is null where the line as a whole is meant; `text` is the line as it came, in
    the first of its refusals alone.
    """

    line: int
    field: str | None
    reason: str
    text: str | None
