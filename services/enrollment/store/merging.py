"""SQL of what two people who turn out to be one have in the same sessions."""

from dataclasses import dataclass

from shared.postgres.pool import Connection

# Of the other person only what is in a session of the first: the rest stays as it is.
_ENROLLMENTS = """
SELECT e.id, e.session_id, e.employee_id = $2 AS moves, c.delivery_mode IS NOT DISTINCT FROM 'self_paced' AS standing
FROM enrollments e JOIN courses c ON c.organisation_id = e.organisation_id AND c.id = e.course_id
WHERE e.organisation_id = $1 AND (e.employee_id = $2 OR e.employee_id = $3 AND e.session_id IN (
    SELECT own.session_id FROM enrollments own WHERE own.organisation_id = $1 AND own.employee_id = $2))
ORDER BY e.id
"""


@dataclass(frozen=True, slots=True)
class Concerned:
    """An enrollment that moves to the other person, or one of theirs in the same session.

    `standing`: whether final records in its session keep nobody out.
    """

    id: int
    session_id: int
    moves: bool
    standing: bool


async def enrollments_concerned(
    connection: Connection, organisation_id: int, person_id: int, into: int
) -> list[Concerned]:
    """What merging the one person into the other is about."""
    rows = await connection.fetch(_ENROLLMENTS, organisation_id, person_id, into)
    return [Concerned(**row) for row in rows]
