"""SQL of erasing people: what says who they are becomes blank, in their rows and in the audit trail."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.enrollment.representations import person_row
from services.enrollment.store.people import person_state
from services.enrollment.store.record_pages import KIND as RECORD_KIND
from shared.events.personal import BLANK, REMEMBERED
from shared.events.states import EmployeeState, RecordState
from shared.http.conditional import Document
from shared.postgres.audit import Actor
from shared.postgres.erased_people import HASH_OF
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

_OPEN = """
SELECT count(*) FROM enrollments
WHERE organisation_id = $1 AND employee_id = $2 AND status IN ('enrolled', 'waitlisted')
"""

_KEPT_UNTIL = """
SELECT max(last) + make_interval(years => $3) AS possible_from, now() AS now FROM (
    SELECT greatest(completed_at, valid_until) AS last FROM enrollments WHERE organisation_id = $1 AND employee_id = $2
    UNION ALL
    SELECT greatest(completed_at, valid_until) FROM external_records WHERE organisation_id = $1 AND employee_id = $2
) AS records
"""

# What the person was ever called: each change of it is in the audit trail.
_NAMES = """
SELECT DISTINCT btrim(name) AS name, lower(btrim(name)) AS called FROM (
    SELECT full_name AS name FROM people WHERE organisation_id = $1 AND id = ANY($2::bigint[])
    UNION ALL SELECT employee_id FROM people WHERE organisation_id = $1 AND id = ANY($2::bigint[])
    UNION ALL SELECT changes #>> ARRAY[member, side] FROM audit_trail
        CROSS JOIN unnest('{full_name,employee_id}'::text[]) AS member CROSS JOIN unnest('{from,to}'::text[]) AS side
        WHERE organisation_id = $1 AND kind = 'person' AND id = ANY($2::bigint[])
) AS names
WHERE btrim(name) <> ''
"""

_ERASE = """
UPDATE people SET version = version + 1, employee_id = '', full_name = '', company_id = NULL, company_name = NULL,
    removed = true, erased_at = now()
WHERE organisation_id = $1 AND id = ANY($2::bigint[]) AND erased_at IS NULL
RETURNING *
"""

_WITH_TEXTS = """
SELECT id FROM enrollments
WHERE organisation_id = $1 AND employee_id = $2 AND id > $3 AND (feedback IS NOT NULL OR certificate_url IS NOT NULL)
ORDER BY id LIMIT $4
"""

_BLANKED = ArrayColumns(
    id="bigint",
    version="integer",
    training_name="text",
    provider="text",
    certificate_url="text",
    evidence="text",
    submitted_by_subject="text",
    submitted_by_name="text",
    reason="text",
    remembered="jsonb",
    key="text",
)
_BLANK_RECORDS = f"""
UPDATE external_records r SET {_BLANKED.updates("new", "id")}, line_digest = NULL FROM {_BLANKED.unnest("new")}
WHERE r.organisation_id = $12 AND r.id = new.id
"""  # noqa: S608 - of constants alone

_BLANK_ENTRIES = """
UPDATE {table} SET
    changes = coalesce((
        SELECT jsonb_object_agg(key, CASE WHEN key = ANY($3::text[]) THEN '{{"from": null, "to": null}}' ELSE value END)
        FROM jsonb_each(changes)
    ), '{{}}'),
    actor_subject = CASE WHEN lower(btrim(actor_name)) = ANY($4::text[]) THEN '' ELSE actor_subject END,
    actor_name = CASE WHEN lower(btrim(actor_name)) = ANY($4::text[]) THEN '' ELSE actor_name END
WHERE organisation_id = $1 AND {of_rows}
"""
_AUDIT_IDS = """
SELECT id FROM {table} WHERE organisation_id = $1 AND employee_id = $2 AND id > $3 ORDER BY id LIMIT $4
"""
_TRAILS: Mapping[str, tuple[str, Sequence[str]]] = {
    "person": (
        _BLANK_ENTRIES.format(table="audit_trail", of_rows="kind = 'person' AND id = ANY($2::bigint[])"),
        list(BLANK["employee"]),
    ),
    "enrollments": (
        _BLANK_ENTRIES.format(table="audit", of_rows="enrollment_id = ANY($2::bigint[])"),
        [*BLANK["enrollment"], "reason"],
    ),
    "external_records": (
        _BLANK_ENTRIES.format(table="audit_trail", of_rows=f"kind = '{RECORD_KIND}' AND id = ANY($2::bigint[])"),
        [*BLANK["record"], REMEMBERED],
    ),
}
"""By whose entries they are: the statement, and the members of changes that become blank."""

_END_CALENDARS = """
UPDATE calendars SET version = version + 1, revoked_at = coalesce(revoked_at, now()),
    revoked_by = coalesce(revoked_by, jsonb_build_object('subject', $4::text, 'name', $5::text)),
    created_by = CASE WHEN lower(btrim(created_by ->> 'name')) = ANY($3::text[])
        THEN '{"subject": "", "name": ""}' ELSE created_by END
WHERE organisation_id = $1 AND kind = 'person' AND of_id = ANY($2::bigint[])
"""
# Who had revoked them may have been the person.
_BLANK_REVOKERS = """
UPDATE calendars SET revoked_by = '{"subject": "", "name": ""}'
WHERE organisation_id = $1 AND kind = 'person' AND of_id = ANY($2::bigint[])
    AND lower(btrim(revoked_by ->> 'name')) = ANY($3::text[])
"""

# Of the next people, those who are in the list and have come back with a backup.
_BACK = f"""
SELECT max(id) AS last, array_agg(id ORDER BY id) FILTER (WHERE erased_at IS NULL AND EXISTS (
    SELECT FROM erased_people e
    WHERE e.organisation_id = $1 AND e.hash = {HASH_OF.format(organisation="$1::bigint", person="page.id")})) AS ids
FROM (SELECT id, erased_at FROM people WHERE organisation_id = $1 AND id > $2 ORDER BY id LIMIT $3) AS page
"""  # noqa: S608 - of constants alone

_DETAIL = """
SELECT version, json_build_object('id', id, 'type', type, 'erased_at', training_timestamp(erased_at))::text AS document
FROM people WHERE organisation_id = $1 AND id = $2
"""


async def count_open(connection: Connection, organisation_id: int, person_id: int) -> int:
    """How many enrollments of the person are open."""
    count: int = await connection.fetchval(_OPEN, organisation_id, person_id)
    return count


async def kept_until(
    connection: Connection, organisation_id: int, person_id: int, years: int
) -> tuple[datetime | None, datetime]:
    """So many years after the last record was completed or its validity ended, None without records; and the
    database's clock."""
    [row] = await connection.fetch(_KEPT_UNTIL, organisation_id, person_id, years)
    return row["possible_from"], row["now"]


async def names(connection: Connection, organisation_id: int, ids: Sequence[int]) -> tuple[set[str], list[str]]:
    """What the people are and were called, and their numbers: as they are written, and in lower case."""
    rows = await connection.fetch(_NAMES, organisation_id, ids)
    return {row["name"] for row in rows}, sorted({row["called"] for row in rows})


async def erase_people(connection: Connection, organisation_id: int, ids: Sequence[int]) -> list[EmployeeState]:
    """Blank rows of people who are locked, in their next version; without those who are erased already."""
    rows = await connection.fetch(_ERASE, organisation_id, ids)
    return sorted(map(person_state, rows), key=lambda state: state.id)


async def enrollments_with_texts(
    connection: Connection, organisation_id: int, person_id: int, after: int, limit: int
) -> list[int]:
    """Ids of the person's next enrollments that have texts, in their order."""
    rows = await connection.fetch(_WITH_TEXTS, organisation_id, person_id, after, limit)
    return [row["id"] for row in rows]


async def blank_records(connection: Connection, organisation_id: int, records: Sequence[RecordState]) -> None:
    """Writes the texts of records that are locked, blank by now."""
    await connection.execute(_BLANK_RECORDS, *_BLANKED.arrays(map(_blanked_columns, records)), organisation_id)


def _blanked_columns(record: RecordState) -> dict[str, Any]:
    return {
        "id": record.id,
        "version": record.version,
        "training_name": record.training_name,
        "provider": record.provider,
        "certificate_url": record.certificate_url,
        "evidence": record.evidence,
        "submitted_by_subject": record.submitted_by.subject,
        "submitted_by_name": record.submitted_by.name,
        "reason": record.reason,
        "remembered": record.remembered and record.remembered.model_dump_json(),
        "key": record.key,
    }


async def blank_trails(
    connection: Connection, organisation_id: int, ids: Sequence[int], called: Sequence[str], chunk: int
) -> None:
    """In all entries about the people and what is theirs: what was written of them, and they themselves as who did it.

    `called`: their names, in lower case. So many rows at a time have their entries changed.
    """
    statement, members = _TRAILS["person"]
    await connection.execute(statement, organisation_id, ids, members, called)
    for table in ("enrollments", "external_records"):
        statement, members = _TRAILS[table]
        for person_id in ids:
            after = 0
            while rows := await connection.fetch(
                _AUDIT_IDS.format(table=table), organisation_id, person_id, after, chunk
            ):
                of_rows = [row["id"] for row in rows]
                await connection.execute(statement, organisation_id, of_rows, members, called)
                after = of_rows[-1]


async def end_calendars(
    connection: Connection, organisation_id: int, ids: Sequence[int], called: Sequence[str], by: Actor
) -> None:
    """Revokes what shows their sessions."""
    await connection.execute(_BLANK_REVOKERS, organisation_id, ids, called)
    await connection.execute(_END_CALENDARS, organisation_id, ids, called, by.subject, by.name)


async def back_again(
    connection: Connection, organisation_id: int, after: int, limit: int
) -> tuple[int | None, list[int]]:
    """Of the next so many people the last, and those who were erased according to the list, but are not."""
    [row] = await connection.fetch(_BACK, organisation_id, after, limit)
    return row["last"], row["ids"] or []


async def detail(connection: Connection, organisation_id: int, person_id: int) -> Document:
    """Of a person who was erased."""
    [row] = await connection.fetch(_DETAIL, organisation_id, person_id)
    return Document(person_row(organisation_id, person_id), row["version"], row["document"])
