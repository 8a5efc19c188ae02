"""SQL that holds the counts of sessions and courses against the rows that they count."""

from collections.abc import AsyncIterator
from typing import Any

from shared.postgres.list_totals import Totals, correct_totals
from shared.postgres.pool import Connection

TOTALS = (
    Totals("courses", ("organisation_id", "category", "delivery_mode")),
    Totals("sessions", ("organisation_id", "day", "status")),
    Totals("labels", ("organisation_id", "named_id", "name")),
    Totals("projects", ("organisation_id", "named_id", "name")),
)

# Tables are named with their schema: these also run where temporary ones lie over them.
_SESSIONS = """
SELECT s.organisation_id, s.id, s.enrolled_count AS stored, coalesce(e.enrolled, 0) AS counted
FROM public.sessions s LEFT JOIN (
    SELECT organisation_id, session_id, count(*) AS enrolled FROM public.enrollments WHERE holds_seat GROUP BY 1, 2
) e ON e.organisation_id = s.organisation_id AND e.session_id = s.id
WHERE s.enrolled_count <> coalesce(e.enrolled, 0)
"""

_COURSES = """
SELECT * FROM (
    SELECT c.organisation_id, c.id,
        ARRAY[c.total_enrollments, c.total_completed, c.total_scored, c.score_sum] AS stored,
        ARRAY[coalesce(enrollments, 0), coalesce(completed, 0), coalesce(scored, 0), coalesce(scores, 0)] AS counted
    FROM public.courses c LEFT JOIN (
        SELECT organisation_id, course_id AS id, count(*) AS enrollments,
            count(*) FILTER (WHERE status = 'completed') AS completed,
            count(score) AS scored, coalesce(sum(score), 0) AS scores
        FROM public.enrollments WHERE status NOT IN ('cancelled', 'waitlisted') GROUP BY 1, 2
    ) e USING (organisation_id, id)
) compared WHERE stored <> counted
"""

_COURSE_SESSIONS = """
SELECT c.organisation_id, c.id, c.total_sessions AS stored, count(s.id) AS counted
FROM public.courses c LEFT JOIN public.sessions s ON s.organisation_id = c.organisation_id AND s.course_id = c.id
GROUP BY c.organisation_id, c.id HAVING c.total_sessions <> count(s.id)
"""

_RECOUNT_SESSIONS = """
UPDATE public.sessions s SET enrolled_count = wrong.counted FROM ({}) wrong
WHERE s.organisation_id = wrong.organisation_id AND s.id = wrong.id
"""

_RECOUNT_COURSES = """
UPDATE public.courses c SET total_enrollments = counted[1], total_completed = counted[2], total_scored = counted[3],
    score_sum = counted[4]
FROM ({}) wrong WHERE c.organisation_id = wrong.organisation_id AND c.id = wrong.id
"""


async def wrong_counts(connection: Connection) -> AsyncIterator[str]:
    """A sentence for each session and course whose counts are not what the rows here come to."""
    for what, statement in (
        ("enrolled_count of session", _SESSIONS),
        ("enrollments, completed, scored and sum of scores of course", _COURSES),
        ("total_sessions of course", _COURSE_SESSIONS),
    ):
        for row in await connection.fetch(statement):
            counts = f"{_said(row['stored'])} instead of {_said(row['counted'])}"
            yield f"{what} {row['id']} of organisation {row['organisation_id']}: {counts}"


async def recount(connection: Connection) -> int:
    """Makes the counts what the enrollments here come to, and the totals of lists; how many it changed.

    The caller keeps everybody from changing enrollments meanwhile.
    """
    statements = _RECOUNT_SESSIONS.format(_SESSIONS), _RECOUNT_COURSES.format(_COURSES)
    recounted = sum([int((await connection.execute(statement)).split()[-1]) for statement in statements])
    return recounted + await correct_totals(connection, TOTALS)


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
