"""SQL of what a calendar shows: meetings that end no earlier than 90 days ago, the first ones of them."""

from collections.abc import Mapping
from typing import Final

from services.enrollment.calendars import MOST_EVENTS, Calendar, Occurrence
from services.enrollment.schemas_calendars import CalendarKind
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped

_SINCE: Final = "now() - interval '90 days'"

# What somebody cancelled is in no calendar of theirs. What was cancelled together with its session is shown as such.
_OF_PERSON = f"""
SELECT s.*, NOT e.has_seat AND e.waits AS tentative
FROM (
    SELECT e.session_id, bool_or(e.status IN ('enrolled', 'completed', 'failed')) AS has_seat,
        bool_or(e.status = 'waitlisted') AS waits
    FROM enrollments e
    WHERE e.organisation_id = $1 AND e.employee_id = $2::bigint AND (
        e.status IN ('enrolled', 'completed', 'failed', 'waitlisted')
        OR e.status = 'cancelled' AND EXISTS (
            SELECT FROM audit a WHERE a.organisation_id = e.organisation_id AND a.enrollment_id = e.id
                AND a.action = 'enrollment.cancelled' AND a.actor_subject = 'catalog'))
    GROUP BY e.session_id
) e
JOIN sessions s ON s.organisation_id = $1 AND s.id = e.session_id
WHERE s.end_date >= {_SINCE} AND (e.has_seat OR e.waits OR s.status = 'cancelled')
"""  # noqa: S608 - of constants

_OF_FACILITATOR = f"""
SELECT s.*, false AS tentative FROM sessions s
WHERE s.organisation_id = $1 AND s.facilitator_id = $2::bigint AND s.end_date >= {_SINCE}
"""  # noqa: S608 - of constants

# A meeting may be elsewhere than its session.
_OF_LOCATION = f"""
SELECT s.*, false AS tentative FROM sessions s
WHERE s.organisation_id = $1 AND s.location = $2::text AND s.end_date >= {_SINCE}
UNION ALL
SELECT s.*, false AS tentative FROM sessions s
WHERE s.organisation_id = $1 AND s.meetings <> '[]' AND s.location IS DISTINCT FROM $2::text AND s.end_date >= {_SINCE}
"""  # noqa: S608 - of constants


def _occurrences(sessions: str, condition: str = "true") -> str:
    return f"""
        SELECT s.organisation_id, s.id AS session_id, m.id AS meeting_id, s.version, s.saved_at, c.title,
            s.session_name, m.start_date, m.end_date, coalesce(m.location, s.location) AS location,
            s.removed OR s.status = 'cancelled' AS cancelled, s.tentative,
            coalesce(c.delivery_mode = 'self_paced', false) AS standing
        FROM ({sessions}) s
        LEFT JOIN courses c ON c.organisation_id = $1 AND c.id = s.course_id
        CROSS JOIN LATERAL (
            SELECT NULL::bigint AS id, s.start_date, s.end_date, NULL::text AS location WHERE s.meetings = '[]'
            UNION ALL
            SELECT m.id, m.start_date, m.end_date, m.location FROM jsonb_to_recordset(s.meetings)
                AS m (id bigint, start_date timestamptz, end_date timestamptz, location text)
        ) m
        WHERE m.end_date >= {_SINCE} AND {condition}
        ORDER BY m.start_date, s.id, m.id LIMIT {MOST_EVENTS}
    """  # noqa: S608 - of constants


_STATEMENTS: Final[Mapping[CalendarKind, str]] = {
    "person": scoped(_occurrences(_OF_PERSON), ("bigint", "bigint")),
    "facilitator": scoped(_occurrences(_OF_FACILITATOR), ("bigint", "bigint")),
    "location": scoped(_occurrences(_OF_LOCATION, "coalesce(m.location, s.location) = $2::text"), ("bigint", "text")),
}


async def occurrences(connection: Connection, calendar: Calendar) -> list[Occurrence]:
    """In the order of their times; from here on the transaction sees the calendar's organisation alone."""
    of_whom = calendar.of_name if calendar.kind == "location" else calendar.of_id
    rows = await connection.fetch(_STATEMENTS[calendar.kind], calendar.organisation_id, of_whom)
    return [Occurrence(**dict(row)) for row in rows]
