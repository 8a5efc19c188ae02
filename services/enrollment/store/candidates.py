"""SQL of what the rules need to know of those who are to be enrolled."""

from collections.abc import Mapping, Sequence

from services.enrollment.rules import Candidate, CandidateKey, SessionKey
from services.enrollment.store import bookings, prerequisites
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

# A person who is being removed is either gone already or enrolled before.
_SHARE_PEOPLE = """
SELECT FROM people WHERE (organisation_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
ORDER BY organisation_id, id FOR SHARE
"""

# Where nobody may be booked twice at a time, of two bookings of one person the later sees the earlier.
_RESERVE_PEOPLE = """
SELECT FROM people WHERE (organisation_id, id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
ORDER BY organisation_id, id FOR NO KEY UPDATE
"""

_ASKED = ArrayColumns(organisation_id="bigint", session_id="bigint", course_id="bigint", employee_id="bigint")
# `open` says whether one of the person's records in the session is, and is null where there is none.
# The session's row is locked, so that nobody else joins the line or leaves it.
_CANDIDATES = f"""
WITH line AS (
    SELECT organisation_id, session_id, count(*) AS waiting FROM enrollments
    WHERE (organisation_id, session_id) IN (SELECT organisation_id, session_id FROM {_ASKED.unnest("asked")})
        AND status = 'waitlisted'
    GROUP BY organisation_id, session_id
)
SELECT asked.organisation_id, asked.session_id, asked.employee_id, p.id IS NOT NULL AS known,
    (
        SELECT bool_or(e.status IN ('enrolled', 'waitlisted')) FROM enrollments e
        WHERE e.organisation_id = asked.organisation_id AND e.session_id = asked.session_id
            AND e.employee_id = asked.employee_id AND e.status <> 'cancelled'
    ) AS open,
    c.delivery_mode IS NOT DISTINCT FROM 'self_paced' AS again,
    {prerequisites.missing("asked", "c")} AS missing,
    {bookings.clashes("asked", "s", "c")} AS clashes, coalesce(line.waiting, 0) AS waiting,
    p.company_id
FROM {_ASKED.unnest("asked")}
JOIN sessions s ON s.organisation_id = asked.organisation_id AND s.id = asked.session_id
JOIN courses c ON c.organisation_id = asked.organisation_id AND c.id = asked.course_id
LEFT JOIN line ON line.organisation_id = asked.organisation_id AND line.session_id = asked.session_id
LEFT JOIN people p ON p.organisation_id = asked.organisation_id AND p.id = asked.employee_id AND NOT p.removed
"""  # noqa: S608 - of constants alone


async def candidates(
    connection: Connection,
    asked: Sequence[CandidateKey],
    courses: Mapping[SessionKey, int],
    *,
    reserve: bool = False,
) -> dict[CandidateKey, Candidate]:
    """What the rules need to know of everyone asked for; `courses` are those of the sessions.

    With `reserve`, nobody else enrolls these people anywhere until the transaction ends.
    """
    lock_people = _RESERVE_PEOPLE if reserve else _SHARE_PEOPLE
    await connection.execute(lock_people, [key[0] for key in asked], [key[2] for key in asked])
    wanted = [
        {
            "organisation_id": organisation_id,
            "session_id": session_id,
            "course_id": courses[organisation_id, session_id],
            "employee_id": employee_id,
        }
        for organisation_id, session_id, employee_id in asked
    ]
    rows = await connection.fetch(_CANDIDATES, *_ASKED.arrays(wanted))
    return {
        (row["organisation_id"], row["session_id"], row["employee_id"]): Candidate(
            row["employee_id"],
            row["known"],
            row["open"] is not None and (row["open"] or not row["again"]),
            tuple(row["missing"]),
            bool(row["open"]),
            tuple(row["clashes"]),
            row["waiting"],
            row["company_id"],
        )
        for row in rows
    }
