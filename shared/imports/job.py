"""An import as whoever works on it knows it."""

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from uuid import UUID

from shared.errors import MAX_ERRORS
from shared.imports.kind import Applied, Mode, Outcome
from shared.imports.lines import Line, LineError
from shared.observability import Trace
from shared.postgres.audit import Actor

LEASE_SECONDS: Final = 20.0
"""For which a worker has a job without a sign of life; longer than any transaction of an import may take."""

Refused: TypeAlias = tuple[Line, LineError]
"""A line, and one of the reasons why it is refused."""


class JobLost(Exception):
    """The job is not ours any more: it was cancelled, or another worker has it."""


@dataclass(slots=True)
class Job:
    """`lines` are those that are done, `size` the file's bytes. `lease` tells this worker's hold from any other's."""

    organisation_id: int
    id: int
    kind: str
    mode: Mode
    dry_run: bool
    content_type: str
    lines: int
    size: int
    lease: UUID
    actor: Actor

    @property
    def place(self) -> tuple[int, int]:
        return self.organisation_id, self.id


@dataclass(slots=True)
class Result:
    """What came of some lines: how many of each outcome, the reasons of those refused, and the rows they name.

    `refused_by_rows` are those that would be accepted beside other rows.
    """

    lines: int = 0
    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    refusals: list[Refused] = field(default_factory=list)
    rows: set[int] = field(default_factory=set)
    unnamed: int = 0
    refused_by_rows: int = 0

    def add(self, line: Line, applied: Applied) -> None:
        self.lines += 1
        self.counts[applied.outcome] += 1
        if applied.row_id is not None:
            self.rows.add(applied.row_id)
        if applied.outcome is Outcome.REFUSED:
            self.refusals += [(line, error) for error in applied.errors[:MAX_ERRORS]]
            self.unnamed += applied.row_id is None


def job_of(row: Any) -> Job:
    """The job whose row this is."""
    trace = Trace(row["request_id"], row["traceparent"], row["tracestate"])
    return Job(
        organisation_id=row["organisation_id"],
        id=row["id"],
        kind=row["kind"],
        mode=row["mode"],
        dry_run=row["dry_run"],
        content_type=row["content_type"],
        lines=row["lines"],
        size=row["bytes"],
        lease=row["lease"],
        actor=Actor(row["subject"], row["name"], trace),
    )
