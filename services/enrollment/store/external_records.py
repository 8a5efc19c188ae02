"""SQL of records of training that was done elsewhere."""

import json
from typing import Any

from services.enrollment.external_records import Subject
from services.enrollment.schemas_records import RecordFields
from shared.events.states import Author, Judgement, NamedItem, RecordState, RememberedRecord
from shared.postgres.audit import Actor
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

# The person is neither removed nor merged until the transaction ends.
_SUBJECT = """
SELECT p.removed, p.erased_at, p.company_id, p.company_name, c.id AS course_id, c.title, c.labels,
    c.removed AS course_removed, c.pass_score, c.validity_months, coalesce(o.time_zone, 'UTC') AS time_zone,
    now() AS now
FROM people p
LEFT JOIN courses c ON c.organisation_id = p.organisation_id AND c.id = $3
LEFT JOIN organisation_settings o ON o.organisation_id = p.organisation_id
WHERE p.organisation_id = $1 AND p.id = $2
FOR SHARE OF p
"""

_INSERT = """
INSERT INTO external_records (organisation_id, employee_id, course_id, training_name, provider, completed_at,
    valid_until, score, certificate_url, evidence, submitted_by_subject, submitted_by_name)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
RETURNING *
"""

_ABOUT = "SELECT employee_id, course_id, training_name FROM external_records WHERE organisation_id = $1 AND id = $2"
_LOCK = "SELECT * FROM external_records WHERE organisation_id = $1 AND id = $2 FOR UPDATE"
_LOCK_OF_PERSON = """
SELECT * FROM external_records WHERE organisation_id = $1 AND employee_id = $2 AND id > $3 ORDER BY id LIMIT $4
FOR UPDATE
"""

_CHANGED = ArrayColumns(
    id="bigint",
    version="integer",
    employee_id="bigint",
    status="text",
    valid_until="timestamptz",
    passed="boolean",
    decided_at="timestamptz",
    decided_by_subject="text",
    decided_by_name="text",
    reason="text",
    certifies="boolean",
    remembered="jsonb",
)
_UPDATE = f"""
UPDATE external_records r SET {_CHANGED.updates("new", "id")} FROM {_CHANGED.unnest("new")}
WHERE r.organisation_id = $13 AND r.id = new.id
"""  # noqa: S608 - of constants alone


About = tuple[int, int | None, str | None]
"""Person, course and the training's name."""


async def subject(
    connection: Connection, organisation_id: int, employee_id: int, course_id: int | None, training_name: str | None
) -> Subject | None:
    """Whom and what a record is about, or `None` where there never was such a person; nobody removes the person until
    the transaction ends."""
    row = await connection.fetchrow(_SUBJECT, organisation_id, employee_id, course_id)
    if row is None:
        return None
    judgement = Judgement.model_validate(dict(row)) if row["course_id"] is not None else None
    return Subject(
        is_present=not row["removed"],
        company_id=row["company_id"],
        judgement=judgement,
        course_is_removed=bool(row["course_removed"]),
        current=_current(row, training_name),
        now=row["now"],
        is_erased=row["erased_at"] is not None,
    )


def _current(row: Any, training_name: str | None) -> RememberedRecord:
    """An earlier release may have copied the course without its labels."""
    company = None if row["company_id"] is None else NamedItem(id=row["company_id"], name=row["company_name"])
    labels = json.loads(row["labels"] or "[]")
    name = training_name or row["title"] or ""
    return RememberedRecord.model_validate({"training_name": name, "labels": labels, "company": company})


async def insert(connection: Connection, organisation_id: int, fields: RecordFields, actor: Actor) -> RecordState:
    """A new record, which is pending."""
    row = await connection.fetchrow(
        _INSERT,
        organisation_id,
        fields.employee_id,
        fields.course_id,
        fields.training_name,
        fields.provider,
        fields.completed_at,
        fields.valid_until,
        fields.score,
        fields.certificate_url,
        fields.evidence,
        actor.subject,
        actor.name,
    )
    return record_state(row)


async def about(
    connection: Connection, organisation_id: int, record_id: int
) -> tuple[int, int | None, str | None] | None:
    """The person, the course and the training's name of a record that nobody has locked yet: the person may be another
    one soon."""
    row = await connection.fetchrow(_ABOUT, organisation_id, record_id)
    return None if row is None else tuple(row)


async def lock(connection: Connection, organisation_id: int, record_id: int) -> RecordState:
    """A record that is there, kept from other changes until the transaction ends. Its person is locked before."""
    return record_state(await connection.fetchrow(_LOCK, organisation_id, record_id))


async def lock_of_person(
    connection: Connection, organisation_id: int, person_id: int, after: int, limit: int
) -> list[RecordState]:
    """The next records of a person who is locked, in the order of their ids."""
    rows = await connection.fetch(_LOCK_OF_PERSON, organisation_id, person_id, after, limit)
    return [record_state(row) for row in rows]


async def update(connection: Connection, organisation_id: int, records: list[RecordState]) -> None:
    """Writes the new states of records that are locked."""
    await connection.execute(_UPDATE, *_CHANGED.arrays(map(_changed_columns, records)), organisation_id)


def _changed_columns(record: RecordState) -> dict[str, Any]:
    return {
        "id": record.id,
        "version": record.version,
        "employee_id": record.employee_id,
        "status": record.status,
        "valid_until": record.valid_until,
        "passed": record.passed,
        "decided_at": record.decided_at,
        "decided_by_subject": record.decided_by and record.decided_by.subject,
        "decided_by_name": record.decided_by and record.decided_by.name,
        "reason": record.reason,
        "certifies": record.certifies,
        "remembered": record.remembered and record.remembered.model_dump_json(),
    }


def record_state(row: Any) -> RecordState:
    """What events say of the record whose row this is."""
    remembered = row["remembered"] and RememberedRecord.model_validate_json(row["remembered"])
    submitted_by = Author(subject=row["submitted_by_subject"], name=row["submitted_by_name"])
    decided_by = row["decided_by_subject"] and Author(subject=row["decided_by_subject"], name=row["decided_by_name"])
    own = {"remembered": remembered, "submitted_by": submitted_by, "decided_by": decided_by}
    return RecordState.model_validate({**row, **own})
