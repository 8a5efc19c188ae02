"""SQL of what was known at a moment: rows as they were recorded by then (decision 34).

What has become somebody's since, by a merge or a correction, was another person's then, and is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.enrollment.store.enrollments import enrollment_state
from services.enrollment.store.external_records import record_state
from services.enrollment.store.people import person_state
from services.enrollment.store.record_pages import KIND as RECORD_KIND
from services.enrollment.store.snapshots import event_of_enrollment, event_of_record
from shared.events.states import EmployeeState, State
from shared.events.types import Event
from shared.postgres.known_then import as_known, undone, was_there_since
from shared.postgres.pool import Connection
from shared.projections.keys import key_of

ROWS: Final = 500
"""That one page has."""

_OF_TRAIL = "audit_trail WHERE organisation_id = {row}.organisation_id AND kind = '{kind}' AND id = {row}.id"
_OF_PERSON = undone(_OF_TRAIL.format(row="p", kind="person"), "$3")
_OF_ENROLLMENT = undone("audit WHERE organisation_id = e.organisation_id AND enrollment_id = e.id", "$3")
_OF_RECORD = undone(_OF_TRAIL.format(row="e", kind=RECORD_KIND), "$3")

_PERSON = f"""
SELECT p.*, later.undone, before.members FROM people p {_OF_PERSON}
WHERE p.organisation_id = $1 AND p.id = $2 AND {was_there_since("p.created_at", "$3")}
"""  # noqa: S608 - of constants alone

_ENROLLED = was_there_since("e.enrolled_at", "$3")
_SUBMITTED = was_there_since("e.submitted_at", "$3")

# An enrollment goes to another person in a merge alone, and nobody asks about the first any more. A record may also be
# corrected to be somebody else's.
_RECORDS_OF = """
FROM (
    SELECT id FROM external_records WHERE organisation_id = $1 AND employee_id = ANY ($2::bigint[])
    UNION SELECT record_id FROM former_people WHERE organisation_id = $1 AND employee_id = ANY ($2::bigint[])
) AS ever JOIN external_records e USING (id)
"""
_PAGE = """
SELECT e.*, later.undone, before.members {rows} {undone}
WHERE e.organisation_id = $1 AND {whose} AND e.id > $4 AND {there}
    AND coalesce((before.members ->> 'employee_id')::bigint, e.employee_id) = ANY ($2::bigint[])
ORDER BY e.id LIMIT $5
"""

# Members of entries have the names of columns as far as these are wanted here. Entries of an earlier release do not say
# whether an enrollment certified: none did before it was completed.
_CERTIFYING = """
SELECT {is_record} AS is_record, known.id, known.employee_id, known.course_id, known.completed_at, known.valid_until
{rows} {undone}
CROSS JOIN LATERAL jsonb_populate_record(e, coalesce(before.members, '{{}}')) AS known
WHERE e.organisation_id = $1 AND {whose} AND {there}
    AND known.employee_id = ANY ($2::bigint[]) AND known.certifies AND known.status = '{status}'
"""
_OF_ENROLLMENTS = {
    "rows": "FROM enrollments e",
    "undone": _OF_ENROLLMENT,
    "whose": "e.employee_id = ANY ($2::bigint[])",
    "there": _ENROLLED,
}
_OF_RECORDS = {"rows": _RECORDS_OF, "undone": _OF_RECORD, "whose": "true", "there": _SUBMITTED}
_ENROLLMENTS = _PAGE.format(**_OF_ENROLLMENTS)
_RECORDS = _PAGE.format(**_OF_RECORDS)
_COMPLETIONS = f"""
{_CERTIFYING.format(is_record="false", status="completed", **_OF_ENROLLMENTS)}
UNION ALL
{_CERTIFYING.format(is_record="true", status="accepted", **_OF_RECORDS)}
ORDER BY employee_id, course_id, id
"""


@dataclass(frozen=True, slots=True)
class KnownCompletion:
    """A completion that certified, as it was recorded by then. `id` is that of an enrollment, or of a record.

    Recorded by then is not completed by then, nor valid then: `completed_at` and `valid_until` say that.
    """

    is_record: bool
    id: int
    employee_id: int
    course_id: int
    completed_at: datetime
    valid_until: datetime | None


async def completions_known(
    connection: Connection, organisation_id: int, person_ids: Sequence[int], moment: datetime
) -> list[KnownCompletion]:
    """All completions of the people that certified by what was recorded at the moment, by person, course and id."""
    rows = await connection.fetch(_COMPLETIONS, organisation_id, person_ids, moment)
    return [KnownCompletion(*row) for row in rows]


async def person_known(
    connection: Connection, organisation_id: int, person_id: int, moment: datetime
) -> EmployeeState | None:
    """The person as they were recorded at the moment, removed or not; None where they were not."""
    row = await connection.fetchrow(_PERSON, organisation_id, person_id, moment)
    return None if row is None else as_known(person_state(row), row)


async def records_known(
    connection: Connection, organisation_id: int, person_id: int, moment: datetime, after: int, limit: int = ROWS
) -> list[Event[State]]:
    """The next of the person's enrollments and records, in the order of their ids, as they were recorded at the moment;
    fewer than `limit` at the end."""
    of_page = (organisation_id, [person_id], moment, after, limit)
    enrollments = [
        event_of_enrollment(organisation_id, as_known(enrollment_state(row), row))
        for row in await connection.fetch(_ENROLLMENTS, *of_page)
    ]
    records = [
        event_of_record(organisation_id, as_known(record_state(row), row))
        for row in await connection.fetch(_RECORDS, *of_page)
    ]
    return sorted([*enrollments, *records], key=key_of)[:limit]
