"""What can be imported: each service declares its kinds."""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Literal, TypeVar

from shared.http.models import Body
from shared.imports.lines import LineError
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection

B = TypeVar("B", bound=Body)
Mode = Literal["changes", "complete"]


class Outcome(StrEnum):
    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of one line. `row_id` is the row that it is about, for `complete`; `errors` are those of a refusal."""

    outcome: Outcome
    row_id: int | None = None
    errors: tuple[LineError, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportKind(Generic[B]):
    """`name` is the `kind` of the API. `fields` is the model of one line, whose fields are the columns of a CSV file.

    `apply` writes the lines of one batch in the transaction that also stores how far the import is, so it is applied
    once however often the process is killed. What a line says already changes nothing and makes no event. It returns
    an outcome for each line, in their order, and raises for none of them: where another change came first it raises
    `TransactionConflict`, as the database does after a deadlock, and the whole batch is to be applied again.

    `missing` are the ids of the organisation's rows that the file would end in mode `complete`, of those it has not
    named; `end` ends so many of them in one transaction, and returns how many it ended. None where the kind knows
    no such mode. `present` counts the rows that there are.

    `keys` is what a line is about. Lines that share none of it may be applied at the same time, in transactions that do
    not see each other; what such a line would be refused for is looked at again afterwards. None: one after the other.

    `needs` is a permission that whoever imports has beside `training.manage`, where its lines take it.
    """

    name: str
    fields: type[B]
    apply: Callable[[Connection, int, Sequence[B], Actor], Awaitable[Sequence[Applied]]]
    end: Callable[[Connection, int, Sequence[int], Actor], Awaitable[int]] | None = None
    present: Callable[[Connection, int], Awaitable[Sequence[int]]] | None = None
    keys: Callable[[B], Iterable[Hashable]] | None = None
    needs: str | None = None
