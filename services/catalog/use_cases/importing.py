"""Courses and sessions of an imported file, many in one transaction, by the rules that hold for each of them alone."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from services.catalog.errors import ExternalIdTaken, StatusMoveForbidden
from services.catalog.schemas import CourseFields, SessionFields
from services.catalog.store import external_ids
from services.catalog.store.external_ids import Table
from services.catalog.use_cases.publishing import Changes, publish_all
from shared.errors import ApiError, NotFound
from shared.events.types import Event
from shared.imports.kind import Applied, Outcome
from shared.imports.lines import LineError
from shared.postgres.audit import Actor, differences
from shared.postgres.errors import TransactionConflict
from shared.postgres.pool import Connection, plan_anew

F = TypeVar("F", CourseFields, SessionFields)
Key = int | str
"""The id of the row that a line is about, or the `external_id` of one that there is not yet."""


class Line(Protocol[F]):
    @property
    def id(self) -> int | None: ...

    @property
    def external_id(self) -> str | None: ...

    def wanted(self, current: F | None) -> F:
        """What the line makes of its row, or of nothing."""


class Rows(ABC, Generic[F]):
    """Rows of one kind in a transaction of their organisation."""

    table: ClassVar[Table]
    not_found: ClassVar[type[NotFound]]

    def __init__(self, connection: Connection, organisation_id: int) -> None:
        self.connection = connection
        self.organisation_id = organisation_id

    @abstractmethod
    async def fields(self, ids: Sequence[int], *, locked: bool = False) -> dict[int, F]:
        """Those of the rows that exist, as clients write them."""

    async def lock_others(self, created: Sequence[F]) -> None:
        """What others lock before rows of this kind."""

    @abstractmethod
    async def check(self, row_id: int | None, current: F | None, wanted: F) -> None:
        """Raises the `ApiError` for which there cannot be such a row, or `current` cannot become it."""

    @abstractmethod
    async def insert(self, wanted: F) -> int:
        """The new row's id."""

    @abstractmethod
    async def update(self, row_id: int, wanted: F) -> None: ...

    @abstractmethod
    async def events(self, ids: Sequence[int], actor: Actor) -> Sequence[Event[Any]]:
        """What becomes known of the rows, as they are now."""


async def apply(rows: Rows[F], lines: Sequence[Line[F]], actor: Actor) -> list[Applied]:
    """Creates or changes the rows. Those that are what the lines say already are not even locked.

    Raises `TransactionConflict` if another change came first.
    """
    await plan_anew(rows.connection)
    keys = await _keys(rows, lines)
    first: dict[Key, Line[F]] = {}
    for key, line in zip(keys, lines, strict=True):
        first.setdefault(key, line)
    known = await rows.fields(_ids(first))
    batch = _Batch(rows, {key: line for key, line in first.items() if _differs(known, key, line)})
    outcomes = {key: Applied(Outcome.UNCHANGED, key if isinstance(key, int) else None) for key in first}
    outcomes |= await batch.write(actor)
    twice = Applied(Outcome.REFUSED, errors=(LineError(None, "An earlier line is about the same one."),))
    return [outcomes.pop(key, twice) for key in keys]


async def _keys(rows: Rows[F], lines: Sequence[Line[F]]) -> list[Key]:
    """Of each line. One with neither id nor `external_id` is none that its model allows."""
    named = [line.external_id for line in lines if line.id is None and line.external_id is not None]
    held = await external_ids.holders(rows.connection, rows.table, rows.organisation_id, named) if named else {}
    return [line.id or held.get(line.external_id or "") or line.external_id or "" for line in lines]


def _ids(keys: Mapping[Key, object]) -> list[int]:
    return [key for key in keys if isinstance(key, int)]


def _differs(known: Mapping[int, F], key: Key, line: Line[F]) -> bool:
    current = known.get(key) if isinstance(key, int) else None
    return current is None or current.model_dump() != line.wanted(current).model_dump()


class _Batch(Generic[F]):
    """The lines that may change something, each about another row."""

    def __init__(self, rows: Rows[F], lines: Mapping[Key, Line[F]]) -> None:
        self._rows: Rows[F] = rows
        self._lines: Mapping[Key, Line[F]] = lines
        self._current: dict[int, F] = {}
        self._held: dict[str, int] = {}
        self._changes: dict[int, Changes] = {}

    async def write(self, actor: Actor) -> dict[Key, Applied]:
        if not self._lines:
            return {}
        await self._lock()
        outcomes = {key: await self._applied(key, line) for key, line in self._lines.items()}
        events = await self._rows.events(list(self._changes), actor)
        await publish_all(self._rows.connection, [(each, self._changes[each.data.id]) for each in events], actor)
        return outcomes

    async def _lock(self) -> None:
        rows = self._rows
        await rows.lock_others([line.wanted(None) for key, line in self._lines.items() if isinstance(key, str)])
        self._current = await rows.fields(_ids(self._lines), locked=True)
        named = [line.external_id for line in self._lines.values() if line.external_id is not None]
        if named:
            self._held = await external_ids.lock(rows.connection, rows.table, rows.organisation_id, named)
        if any(isinstance(key, str) and key in self._held for key in self._lines):
            raise TransactionConflict("a row of this external_id was created at the same time")

    async def _applied(self, key: Key, line: Line[F]) -> Applied:
        row_id = key if isinstance(key, int) else None
        try:
            return await self._written(row_id, line)
        except ApiError as error:
            return Applied(Outcome.REFUSED, row_id, _errors(error))

    async def _written(self, row_id: int | None, line: Line[F]) -> Applied:
        current = None if row_id is None else self._current.get(row_id)
        if row_id is not None and current is None:
            raise self._rows.not_found
        wanted = line.wanted(current)
        changes = differences(current, wanted)
        if not changes:
            return Applied(Outcome.UNCHANGED, row_id)
        self._check_external_id(row_id, current, wanted)
        await self._rows.check(row_id, current, wanted)
        if row_id is None:
            saved = await self._rows.insert(wanted)
        else:
            saved = row_id
            await self._rows.update(row_id, wanted)
        self._changes[saved] = changes
        self._hold(saved, current, wanted)
        return Applied(Outcome.CREATED if row_id is None else Outcome.CHANGED, saved)

    def _check_external_id(self, row_id: int | None, current: F | None, wanted: F) -> None:
        holder = self._held.get(wanted.external_id or "")
        if holder is not None and holder != row_id:
            raise ExternalIdTaken(self._rows.table.removesuffix("s"), holder)

    def _hold(self, row_id: int, current: F | None, wanted: F) -> None:
        """One row's line may take what another's has just given up."""
        if current is not None and current.external_id is not None:
            self._held.pop(current.external_id, None)
        if wanted.external_id is not None:
            self._held[wanted.external_id] = row_id


def _errors(error: ApiError) -> tuple[LineError, ...]:
    named: Mapping[str, Sequence[str]] = error.details.get("errors", {})
    if named:
        return tuple(LineError(field, reason) for field, reasons in named.items() for reason in reasons)
    return (LineError(_field(error), error.message),)


def _field(error: ApiError) -> str | None:
    fields: Mapping[type[ApiError], str] = {
        NotFound: "id",
        ExternalIdTaken: "external_id",
        StatusMoveForbidden: "status",
    }
    return next((field for kind, field in fields.items() if isinstance(error, kind)), None)
