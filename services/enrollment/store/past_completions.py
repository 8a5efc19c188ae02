"""SQL of past completions, as an import brings them, many at once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.enrollment.past_completions import Course, Person, Scene
from services.enrollment.store.external_records import record_state
from shared.events.states import Judgement, NamedItem, RecordState
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

_KNOWN = """
SELECT key, id, employee_id, line_digest FROM external_records WHERE organisation_id = $1 AND key = ANY ($2::text[])
"""
_LOCK = """
SELECT * FROM external_records WHERE organisation_id = $1 AND id = ANY ($2::bigint[]) ORDER BY id FOR UPDATE
"""
# The people are neither removed nor merged until the transaction ends.
_LOCK_PEOPLE = """
SELECT id, removed, merged_into, company_id, company_name FROM people
WHERE organisation_id = $1 AND id = ANY ($2::bigint[]) ORDER BY id FOR SHARE
"""
_COURSES = """
SELECT id, title, delivery_mode, labels, pass_score, validity_months, (
    SELECT coalesce((SELECT time_zone FROM organisation_settings WHERE organisation_id = $1), 'UTC')) AS time_zone
FROM courses WHERE organisation_id = $1 AND id = ANY ($2::bigint[]) AND NOT removed
"""

_COLUMNS = ArrayColumns(
    key="text",
    line_digest="bytea",
    employee_id="bigint",
    course_id="bigint",
    completed_at="timestamptz",
    valid_until="timestamptz",
    score="numeric",
    passed="boolean",
    certificate_url="text",
    certifies="boolean",
    remembered="jsonb",
    decided_at="timestamptz",
    decided_by_subject="text",
    decided_by_name="text",
)
_OF_ALL = "organisation_id, source, status, submitted_at, submitted_by_subject, submitted_by_name"
# Who finds a key taken here was not alone.
_INSERT = f"""
INSERT INTO external_records ({_OF_ALL}, {_COLUMNS.names})
SELECT $15::bigint, 'import', 'accepted', decided_at, decided_by_subject, decided_by_name, {_COLUMNS.values}
FROM {_COLUMNS.unnest("new")}
ON CONFLICT (organisation_id, key) WHERE key IS NOT NULL DO NOTHING
RETURNING key, id
"""  # noqa: S608 - of constants alone
_CORRECT = f"""
UPDATE external_records r SET version = r.version + 1, {_COLUMNS.updates("new", "key")}
FROM {_COLUMNS.unnest("new")}
WHERE r.organisation_id = $15 AND r.key = new.key
"""  # noqa: S608 - of constants alone


@dataclass(frozen=True, slots=True)
class Known:
    """A record that has the key of a line; nobody has locked it. `digest` is of what its line said last."""

    id: int
    employee_id: int
    digest: bytes


async def known(connection: Connection, organisation_id: int, keys: Sequence[str]) -> dict[str, Known]:
    """By the key; keys that are new are left out."""
    rows = await connection.fetch(_KNOWN, organisation_id, keys)
    return {row["key"]: Known(*list(row.values())[1:]) for row in rows}


async def scene(
    connection: Connection, organisation_id: int, person_ids: Sequence[int], course_ids: Sequence[int]
) -> Scene:
    """Locks the people until the transaction ends."""
    people = await connection.fetch(_LOCK_PEOPLE, organisation_id, person_ids)
    courses = await connection.fetch(_COURSES, organisation_id, course_ids)
    return Scene(
        {row["id"]: _person(row) for row in people},
        {row["id"]: _course(row) for row in courses},
        await connection.fetchval("SELECT now()"),
    )


def _person(row: Any) -> Person:
    company = None if row["company_id"] is None else NamedItem(id=row["company_id"], name=row["company_name"])
    return Person(row["removed"], row["merged_into"], company)


def _course(row: Any) -> Course:
    """An earlier release may have copied the course without its title and its labels."""
    labels = tuple(NamedItem.model_validate(each) for each in json.loads(row["labels"] or "[]"))
    return Course(row["title"] or "", row["delivery_mode"], labels, Judgement.model_validate(dict(row)))


async def lock(connection: Connection, organisation_id: int, record_ids: Sequence[int]) -> dict[str, RecordState]:
    """The records by their keys, kept from other changes until the transaction ends; their people are locked before."""
    rows = await connection.fetch(_LOCK, organisation_id, record_ids)
    return {row["key"]: record_state(row) for row in rows}


async def insert(
    connection: Connection, organisation_id: int, new: Mapping[str, Mapping[str, Any]], digests: Mapping[str, bytes]
) -> dict[str, int]:
    """The ids of new records, by their keys; of a key that is taken meanwhile there is none."""
    rows = [_columns(values, digests[key]) for key, values in new.items()]
    inserted = await connection.fetch(_INSERT, *_COLUMNS.arrays(rows), organisation_id)
    return {row["key"]: row["id"] for row in inserted}


async def correct(
    connection: Connection, organisation_id: int, records: Sequence[RecordState], digests: Mapping[str, bytes]
) -> None:
    """Writes the new states of records that are locked."""
    rows = [_columns(dict(record), digests[record.key or ""]) for record in records]
    await connection.execute(_CORRECT, *_COLUMNS.arrays(rows), organisation_id)


_SIMPLE = (
    "key",
    "employee_id",
    "course_id",
    "completed_at",
    "valid_until",
    "score",
    "passed",
    "certificate_url",
    "certifies",
    "decided_at",
)


def _columns(values: Mapping[str, Any], digest: bytes) -> dict[str, Any]:
    return {
        **{name: values[name] for name in _SIMPLE},
        "line_digest": digest,
        "remembered": values["remembered"].model_dump_json(),
        "decided_by_subject": values["decided_by"].subject,
        "decided_by_name": values["decided_by"].name,
    }
