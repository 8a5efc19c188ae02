"""Past completions of an imported file, many in one transaction: records that count at once (contract, section 11)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.enrollment import past_completions as rules
from services.enrollment.past_completions import Scene
from services.enrollment.schemas_imports import CompletionLine
from services.enrollment.store import past_completions as store
from services.enrollment.store.past_completions import Known
from services.enrollment.use_cases import external_records
from services.enrollment.use_cases.external_records import Change
from shared.errors import ValidationFailed
from shared.events.states import Author, RecordState
from shared.events.types import RecordAccepted
from shared.imports.kind import Applied, Outcome
from shared.imports.lines import LineError
from shared.postgres.audit import Actor
from shared.postgres.errors import TransactionConflict
from shared.postgres.pool import Connection, plan_anew

_TWICE: Final = LineError("key", "An earlier line has the same key.")


async def apply(
    connection: Connection, organisation_id: int, lines: Sequence[CompletionLine], actor: Actor
) -> list[Applied]:
    """Creates the records, or corrects those that have the keys of the lines.

    What a line said last, it does not say again: its record may belong to another person since they were merged, or be
    rejected. Raises `TransactionConflict` if another change came first.
    """
    first: dict[str, CompletionLine] = {}
    for line in lines:
        first.setdefault(line.key, line)
    await plan_anew(connection)
    known = await store.known(connection, organisation_id, list(first))
    digests = {key: line.digest for key, line in first.items()}
    changing = {key: line for key, line in first.items() if key not in known or known[key].digest != digests[key]}
    outcomes = dict.fromkeys(first, Applied(Outcome.UNCHANGED))
    if changing:
        outcomes |= await _Batch(connection, organisation_id, changing, digests, known).write(actor)
    return [outcomes.pop(line.key, Applied(Outcome.REFUSED, errors=(_TWICE,))) for line in lines]


class _Batch:
    """Lines that may change something, each of another key, and the records that have the keys already."""

    def __init__(
        self,
        connection: Connection,
        organisation_id: int,
        lines: Mapping[str, CompletionLine],
        digests: Mapping[str, bytes],
        known: Mapping[str, Known],
    ) -> None:
        self._connection = connection
        self._organisation_id = organisation_id
        self._lines = lines
        self._digests = digests
        self._known = {key: each for key, each in known.items() if key in lines}

    async def write(self, actor: Actor) -> dict[str, Applied]:
        """What came of each line, by its key."""
        scene = await self._scene()
        records = await self._lock()
        author = Author(subject=actor.subject, name=actor.name)
        outcomes: dict[str, Applied] = {}
        wanted: dict[str, dict[str, Any]] = {}
        for key, line in self._lines.items():
            errors = tuple(_errors(line, records.get(key), scene))
            if errors:
                outcomes[key] = Applied(Outcome.REFUSED, errors=errors)
                continue
            wanted[key] = rules.completed(line, scene, author)
            outcomes[key] = Applied(Outcome.CHANGED if key in records else Outcome.CREATED)
        await self._save(wanted, records, actor)
        return outcomes

    async def _scene(self) -> Scene:
        """The people are locked before the records, as by all who change these."""
        before = {each.employee_id for each in self._known.values()}
        people = sorted(before | {line.employee_id for line in self._lines.values()})
        courses = sorted({line.course_id for line in self._lines.values()})
        return await store.scene(self._connection, self._organisation_id, people, courses)

    async def _lock(self) -> dict[str, RecordState]:
        if not self._known:
            return {}
        ids = sorted(each.id for each in self._known.values())
        records = await store.lock(self._connection, self._organisation_id, ids)
        if any(record.employee_id != self._known[key].employee_id for key, record in records.items()):
            raise TransactionConflict("the people of records were merged at the same time")
        return records

    async def _save(
        self, wanted: Mapping[str, dict[str, Any]], records: Mapping[str, RecordState], actor: Actor
    ) -> None:
        changes: list[Change] = [
            (records[key], rules.corrected(records[key], values)) for key, values in wanted.items() if key in records
        ]
        if changes:
            corrected = [record for _, record in changes]
            await store.correct(self._connection, self._organisation_id, corrected, self._digests)
        changes += await self._insert({key: values for key, values in wanted.items() if key not in records})
        if changes:
            await external_records.announce(self._connection, self._organisation_id, changes, RecordAccepted, actor)

    async def _insert(self, new: Mapping[str, dict[str, Any]]) -> list[Change]:
        if not new:
            return []
        ids = await store.insert(self._connection, self._organisation_id, new, self._digests)
        if len(ids) < len(new):
            raise TransactionConflict("a completion of the same key was imported at the same time")
        return [
            (None, RecordState.model_validate({"id": ids[key], "version": 1, **values})) for key, values in new.items()
        ]


def _errors(line: CompletionLine, record: RecordState | None, scene: Scene) -> list[LineError]:
    return [error for refusal in rules.refusals(line, record, scene) for error in _line_errors(refusal)]


def _line_errors(refusal: ValidationFailed) -> list[LineError]:
    named: Mapping[str, Sequence[str]] = refusal.details["errors"]
    return [LineError(field, reason) for field, reasons in named.items() for reason in reasons]
