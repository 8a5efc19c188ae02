"""SQL of the enrollments that a session's attendance is about."""

from collections.abc import Sequence

from services.enrollment.rules import SessionKey
from shared.postgres.pool import Connection

# Of several records of a person in the session the open one, else the latest; a cancelled one is none, and the index of
# the others finds them.
_FIND = """
SELECT coalesce((
    SELECT e.id FROM enrollments e
    WHERE e.organisation_id = $1 AND e.session_id = $2 AND e.id = asked.enrollment_id
), (
    SELECT e.id FROM enrollments e
    WHERE e.organisation_id = $1 AND e.session_id = $2 AND e.employee_id = asked.employee_id
        AND e.status <> 'cancelled'
    ORDER BY e.status IN ('enrolled', 'waitlisted') DESC, e.id DESC LIMIT 1
)) AS id
FROM unnest($3::bigint[], $4::bigint[]) WITH ORDINALITY AS asked (enrollment_id, employee_id, place)
ORDER BY place
"""


async def find_enrollments(
    connection: Connection, session: SessionKey, asked: Sequence[tuple[int | None, int | None]]
) -> list[int | None]:
    """The enrollment in the session for each pair of an enrollment's id and a person's, one of which is `None`."""
    enrollments, people = [pair[0] for pair in asked], [pair[1] for pair in asked]
    rows = await connection.fetch(_FIND, *session, enrollments, people)
    return [row["id"] for row in rows]
