"""SQL of the seats: what a decision rests on, and what it writes.

Whoever decides about seats locks the session's row first, and several sessions in the order of their ids, then
people, then enrollments: so no two transactions wait for each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.enrollment.rules import Seats, SessionKey
from services.enrollment.store import agreed_status, bookings, prerequisites
from services.enrollment.store.enrollments import enrollment_state
from shared.events.states import EnrollmentState
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

# One whose course has not arrived yet counts as unknown, and so does one that the catalog has deleted.
_LOCK_SESSIONS = f"""
SELECT s.organisation_id, s.id, s.course_id, s.start_date <= now() AS started, s.seats_max, s.seats_taken,
    {agreed_status.STATUS} AS status, {agreed_status.AWAITS_COMMIT} AS awaits_commit,
    {agreed_status.IN_DOUBT} AS in_doubt,
    coalesce((
        SELECT o.booking_clash FROM organisation_settings o WHERE o.organisation_id = s.organisation_id
    ), 'warn') AS booking_clash,
    c.delivery_mode IS NOT DISTINCT FROM 'self_paced' AS self_paced, s.end_date <= now() IS TRUE AS ended,
    CASE WHEN s.enrollment_opens_at > now() THEN 'early'
        WHEN coalesce(s.enrollment_closes_at,
            CASE WHEN c.delivery_mode = 'self_paced' THEN s.end_date ELSE s.start_date END) <= now() THEN 'late'
        ELSE 'open' END AS enrollment,
    CASE WHEN {bookings.occupies("s", "c.delivery_mode")} THEN s.booked END AS booked
FROM sessions s JOIN courses c ON c.organisation_id = s.organisation_id AND c.id = s.course_id
WHERE (s.organisation_id, s.id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[])) AND NOT s.removed
ORDER BY s.organisation_id, s.id
FOR UPDATE OF s
"""  # noqa: S608 - of constants alone

_NEW_ENROLLMENTS = ArrayColumns(
    organisation_id="bigint",
    session_id="bigint",
    course_id="bigint",
    employee_id="bigint",
    has_seat="boolean",
    enrolled_at="timestamptz",
)
_INSERT_ENROLLMENTS = f"""
INSERT INTO enrollments (
    organisation_id, session_id, course_id, employee_id, status, holds_seat, enrolled_at, booked_from, booked_until)
SELECT organisation_id, session_id, new.course_id, employee_id,
    CASE WHEN has_seat THEN 'enrolled' ELSE 'waitlisted' END, has_seat, coalesce(enrolled_at, now()),
    lower(s.booked), upper(s.booked)
FROM {_NEW_ENROLLMENTS.unnest("new", ordinality="position")}
JOIN sessions s USING (organisation_id) WHERE s.id = session_id
ORDER BY position
RETURNING *
"""  # noqa: S608 - of constants alone

# The condition repeats what the locked row said already: should a lock ever be lost, no seat is sold twice. Where a
# seat was given over the capacity, seats are given back one by one until as many are left as there are.
_TAKE_SEATS = """
UPDATE sessions s SET seats_taken = s.seats_taken + asked.seats,
    seats_version = s.seats_version + 1, seats_changed_by = pg_current_xact_id()
FROM unnest($1::bigint[], $2::bigint[], $3::integer[]) AS asked (organisation_id, session_id, seats)
WHERE s.organisation_id = asked.organisation_id AND s.id = asked.session_id
    AND s.seats_taken + asked.seats BETWEEN 0 AND CASE WHEN $4 THEN 2147483647
        ELSE greatest(s.seats_max, s.seats_taken + least(asked.seats, 0)) END
"""

_PRESENT = """EXISTS (
    SELECT FROM people p WHERE p.organisation_id = e.organisation_id AND p.id = e.employee_id AND NOT p.removed)"""

# Whoever lacks a prerequisite by now comes once, to be passed over: then the audit trail says so.
_FIRST_IN_LINE = f"""
SELECT organisation_id, waiting.* FROM unnest($1::bigint[], $2::bigint[], $3::integer[])
    AS free (organisation_id, session_id, seats),
LATERAL (
    SELECT e.id, lacking.missing FROM enrollments e
    JOIN courses c ON c.organisation_id = e.organisation_id AND c.id = e.course_id
    CROSS JOIN LATERAL (SELECT {prerequisites.missing("e", "c")} AS missing) AS lacking
    WHERE e.organisation_id = free.organisation_id AND e.session_id = free.session_id AND e.status = 'waitlisted'
        AND {_PRESENT} AND (lacking.missing = '{{}}' OR NOT EXISTS (
            SELECT FROM audit told WHERE told.organisation_id = e.organisation_id AND told.enrollment_id = e.id
                AND told.version = e.version AND told.action = 'enrollment.passed_over'))
    ORDER BY e.id LIMIT free.seats
) AS waiting
ORDER BY organisation_id, id
"""  # noqa: S608 - of constants alone

# What `promotes` in rules.py says is asked again once they are locked.
_UNSETTLED = f"""
SELECT DISTINCT s.organisation_id, s.id FROM enrollments e
JOIN sessions s ON s.organisation_id = e.organisation_id AND s.id = e.session_id
JOIN courses c ON c.organisation_id = e.organisation_id AND c.id = e.course_id
WHERE e.status = 'waitlisted' AND NOT s.removed AND (
    s.status = 'completed'
    OR s.status IN ('scheduled', 'in_progress') AND s.seats_taken < s.seats_max
        AND CASE WHEN c.delivery_mode = 'self_paced' THEN coalesce(s.end_date > now(), true)
            ELSE s.status = 'scheduled' AND s.start_date > now() END
        AND {prerequisites.missing("e", "c")} = '{{}}' AND {_PRESENT})
ORDER BY s.organisation_id, s.id LIMIT $1
"""  # noqa: S608 - of constants alone

_BESIDE_FREE_SEATS = """
SELECT s.id, count(*) AS waiting FROM sessions s JOIN enrollments e
    ON e.organisation_id = s.organisation_id AND e.session_id = s.id AND e.status = 'waitlisted'
WHERE s.organisation_id = $1 AND s.id = ANY($2) AND s.seats_taken < s.seats_max
    AND (s.start_date <= now() OR s.status <> 'scheduled')
GROUP BY s.id
"""

_LIMIT_SEATS = """
UPDATE sessions SET seats_max = least(seats_max, $3), seats_agreed_for = greatest(seats_agreed_for, $4)
WHERE organisation_id = $1 AND id = $2
"""

_HAVE_ENROLLMENTS = """
SELECT EXISTS (
    SELECT FROM enrollments WHERE (organisation_id, session_id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
)
"""

# News that is older than the catalog's wish may still be on its way: it must not open the session again.
_CLOSE_SESSIONS = """
UPDATE sessions s SET removed = true, version = greatest(s.version, closed.version)
FROM unnest($1::bigint[], $2::bigint[], $3::integer[]) AS closed (organisation_id, id, version)
WHERE s.organisation_id = closed.organisation_id AND s.id = closed.id
"""

_UNKNOWN_SESSIONS = """
SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS asked (organisation_id, id)
WHERE NOT EXISTS (
    SELECT FROM sessions s JOIN courses c ON c.organisation_id = s.organisation_id AND c.id = s.course_id
    WHERE s.organisation_id = asked.organisation_id AND s.id = asked.id)
"""

_SESSION_OF = "SELECT session_id FROM enrollments WHERE organisation_id = $1 AND id = $2"

_OPEN_OF_PEOPLE = """
SELECT e.id, e.session_id FROM enrollments e
JOIN sessions s ON s.organisation_id = e.organisation_id AND s.id = e.session_id
WHERE e.organisation_id = $1 AND e.employee_id = ANY($2::bigint[])
    AND (e.status = 'waitlisted' OR e.status = 'enrolled' AND s.start_date > now())
ORDER BY e.id
"""

_OF_SESSIONS = """
SELECT organisation_id, id FROM enrollments
WHERE (organisation_id, session_id) IN (SELECT * FROM unnest($1::bigint[], $2::bigint[]))
    AND status = ANY($3)
ORDER BY organisation_id, id LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class NewEnrollment:
    """An enrollment to be written: with a seat or on the waitlist; `enrolled_at` is now where it is not given."""

    organisation_id: int
    session_id: int
    course_id: int
    employee_id: int
    has_seat: bool
    enrolled_at: datetime | None


async def lock_sessions(connection: Connection, keys: Sequence[SessionKey]) -> dict[SessionKey, Seats]:
    """Those of the sessions that are known here, kept from other changes until the transaction ends."""
    rows = await connection.fetch(_LOCK_SESSIONS, *_columns(keys))
    return {
        (row["organisation_id"], row["id"]): Seats(
            session_id=row["id"],
            course_id=row["course_id"],
            status=row["status"],
            started=row["started"],
            maximum=row["seats_max"],
            taken=row["seats_taken"],
            awaits_commit=row["awaits_commit"],
            in_doubt=row["in_doubt"],
            booking_clash=row["booking_clash"],
            self_paced=row["self_paced"],
            ended=row["ended"],
            enrollment=row["enrollment"],
            times=tuple((span.lower, span.upper) for span in row["booked"] or ()),
        )
        for row in rows
    }


async def insert_enrollments(connection: Connection, new: Sequence[NewEnrollment]) -> list[EnrollmentState]:
    """The enrollments as they stand, in the order given; their ids rise in that order too."""
    rows = await connection.fetch(_INSERT_ENROLLMENTS, *_NEW_ENROLLMENTS.arrays(map(_new_columns, new)))
    return [enrollment_state(row) for row in rows]


def _new_columns(new: NewEnrollment) -> dict[str, Any]:
    return {
        "organisation_id": new.organisation_id,
        "session_id": new.session_id,
        "course_id": new.course_id,
        "employee_id": new.employee_id,
        "has_seat": new.has_seat,
        "enrolled_at": new.enrolled_at,
    }


async def take_seats(connection: Connection, seats: Mapping[SessionKey, int], *, over_capacity: bool = False) -> bool:
    """Takes that many seats of each session, or gives them back where negative; whether every session had them."""
    done = await connection.execute(_TAKE_SEATS, *_columns(list(seats)), list(seats.values()), over_capacity)
    return done == f"UPDATE {len(seats)}"


async def first_in_line(
    connection: Connection, free: Mapping[SessionKey, int]
) -> dict[tuple[int, int], tuple[str, ...]]:
    """By organisation and id those who waited longest, as many as each session has free seats, and what they lack.

    Those who lack prerequisites have not been told so yet.
    """
    rows = await connection.fetch(_FIRST_IN_LINE, *_columns(list(free)), list(free.values()))
    return {(row["organisation_id"], row["id"]): tuple(row["missing"]) for row in rows}


async def beside_free_seats(
    connection: Connection, organisation_id: int, session_ids: Sequence[int]
) -> list[dict[str, int]]:
    """How many wait for those of the sessions that have begun and have a free seat, which nobody is given by itself."""
    rows = await connection.fetch(_BESIDE_FREE_SEATS, organisation_id, session_ids)
    return [{"session_id": row["id"], "waiting": row["waiting"]} for row in rows]


async def unsettled_sessions(connection: Connection, limit: int) -> list[SessionKey]:
    """Sessions that are completed and that somebody waits for still, or with a free seat for somebody who waits."""
    rows = await connection.fetch(_UNSETTLED, limit)
    return [(row["organisation_id"], row["id"]) for row in rows]


async def limit_seats(connection: Connection, key: SessionKey, capacity: int, version: int) -> None:
    """Lowers the seats of a locked session ahead of the catalog's `version` of it."""
    await connection.execute(_LIMIT_SEATS, *key, capacity, version)


async def have_enrollments(connection: Connection, keys: Sequence[SessionKey]) -> bool:
    """Whether anybody was ever enrolled in one of the sessions."""
    found: bool = await connection.fetchval(_HAVE_ENROLLMENTS, *_columns(keys))
    return found


async def close_sessions(connection: Connection, versions: Mapping[SessionKey, int]) -> None:
    """Treats locked sessions as removed, ahead of the catalog's event; only a later version opens them again."""
    await connection.execute(_CLOSE_SESSIONS, *_columns(list(versions)), list(versions.values()))


async def unknown_sessions(connection: Connection, keys: Sequence[SessionKey]) -> list[SessionKey]:
    """Those of the sessions that have not arrived yet, or whose course has not."""
    rows = await connection.fetch(_UNKNOWN_SESSIONS, *_columns(keys))
    return [(row["organisation_id"], row["id"]) for row in rows]


async def session_of(connection: Connection, organisation_id: int, enrollment_id: int) -> int | None:
    """The session of an enrollment, to be locked before it."""
    session_id: int | None = await connection.fetchval(_SESSION_OF, organisation_id, enrollment_id)
    return session_id


async def open_enrollments_of_people(
    connection: Connection, organisation_id: int, person_ids: Sequence[int]
) -> list[tuple[int, int]]:
    """Id and session of what people wait for, or are enrolled in and has not begun."""
    rows = await connection.fetch(_OPEN_OF_PEOPLE, organisation_id, person_ids)
    return [(row["id"], row["session_id"]) for row in rows]


async def enrollments_of_sessions(
    connection: Connection, keys: Sequence[SessionKey], statuses: Sequence[str], limit: int
) -> list[tuple[int, int]]:
    """Organisation and id of the first enrollments of the sessions that have one of the statuses."""
    rows = await connection.fetch(_OF_SESSIONS, *_columns(keys), statuses, limit)
    return [(row["organisation_id"], row["id"]) for row in rows]


def _columns(keys: Sequence[SessionKey]) -> tuple[list[int], list[int]]:
    return [key[0] for key in keys], [key[1] for key in keys]
