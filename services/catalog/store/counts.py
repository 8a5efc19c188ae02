"""SQL of the counts that follow the enrollments."""

from collections.abc import Sequence
from typing import Any

from shared.events.types import EnrollmentEvent
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

_ENROLLMENTS = ArrayColumns(
    organisation_id="bigint",
    id="bigint",
    version="integer",
    session_id="bigint",
    course_id="bigint",
    status="text",
    score="numeric",
    holds_seat="boolean",
)

# Two consumers may hold different versions of one enrollment at once. Each first makes sure that the row is there and
# locked, which a conflict does whatever its WHERE says, and only then reads its previous state: otherwise both
# would count it as new.
_LOCK_ENROLLMENTS = """
INSERT INTO enrollments (organisation_id, id, version, session_id, course_id)
SELECT *, 0, 0, 0 FROM unnest($1::bigint[], $2::bigint[]) AS new (organisation_id, id) ORDER BY 1, 2
ON CONFLICT (organisation_id, id) DO UPDATE SET version = enrollments.version WHERE false
"""

# Rows are looked up, and so locked, in the order of what they change by: first courses, then sessions, each by their
# ids. Grouped by hash a large batch and a small one would lock them in different orders, and each wait for the other.
_APPLY_ENROLLMENTS = f"""
WITH changed AS (
    UPDATE enrollments e
    SET {_ENROLLMENTS.updates("new", "organisation_id", "id")}
    FROM {_ENROLLMENTS.unnest("new")},
        enrollments old
    WHERE e.organisation_id = new.organisation_id AND e.id = new.id AND new.version > e.version
        AND old.organisation_id = e.organisation_id AND old.id = e.id
    RETURNING e.organisation_id, old.session_id AS old_session_id, old.course_id AS old_course_id,
        old.status AS old_status, old.score AS old_score, old.holds_seat AS old_holds_seat,
        e.session_id, e.course_id, e.status, e.score, e.holds_seat
), difference AS (
    SELECT organisation_id, session_id, course_id, status, score, holds_seat, 1 AS sign FROM changed
    UNION ALL
    SELECT organisation_id, old_session_id, old_course_id, old_status, old_score, old_holds_seat, -1 FROM changed
), by_session AS (
    SELECT organisation_id, session_id, sum(sign) AS enrolled
    FROM difference WHERE holds_seat GROUP BY organisation_id, session_id HAVING sum(sign) <> 0
    ORDER BY organisation_id, session_id
), counted AS (
    SELECT * FROM difference WHERE status NOT IN ('cancelled', 'waitlisted')
), by_course AS (
    SELECT organisation_id, course_id, sum(sign) AS enrollments,
        coalesce(sum(sign) FILTER (WHERE status = 'completed'), 0) AS completed,
        coalesce(sum(sign) FILTER (WHERE score IS NOT NULL), 0) AS scored, coalesce(sum(sign * score), 0) AS scores
    FROM counted GROUP BY organisation_id, course_id ORDER BY organisation_id, course_id
), sessions_counted AS (
    UPDATE sessions s SET enrolled_count = enrolled_count + d.enrolled FROM by_session d
    WHERE s.organisation_id = d.organisation_id AND s.id = d.session_id
)
UPDATE courses c SET total_enrollments = total_enrollments + d.enrollments,
    total_completed = total_completed + d.completed, total_scored = total_scored + d.scored,
    score_sum = score_sum + d.scores
FROM by_course d WHERE c.organisation_id = d.organisation_id AND c.id = d.course_id
"""  # noqa: S608 - of constants alone


async def apply_enrollments(connection: Connection, events: Sequence[EnrollmentEvent]) -> None:
    """Moves the counts of sessions and courses by what the events change; older versions change nothing."""
    organisations = [event.organisation_id for event in events]
    ids = [event.data.id for event in events]
    await connection.execute(_LOCK_ENROLLMENTS, organisations, ids)
    await connection.execute(_APPLY_ENROLLMENTS, *_ENROLLMENTS.arrays(map(_enrollment, events)))


def _enrollment(event: EnrollmentEvent) -> dict[str, Any]:
    state = event.data
    return {
        "organisation_id": event.organisation_id,
        "id": state.id,
        "version": state.version,
        "session_id": state.session_id,
        "course_id": state.course_id,
        "status": state.status,
        "score": state.score,
        "holds_seat": state.holds_seat,
    }
