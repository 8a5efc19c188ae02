"""SQL of who is enrolled elsewhere at the same time.

When a session meets is in its column `booked`; an enrollment has the first and the last moment of it.
"""

MOST_CLASHES = 5
"""Sessions that a response names for one person at most."""


def occupies(session: str, delivery_mode: str) -> str:
    """Whether a session occupies those who are enrolled in it: no standing one, none that is over.

    `session` is its alias, and `delivery_mode` its course's.
    """
    return f"(upper({session}.booked) > now() AND {delivery_mode} IS DISTINCT FROM 'self_paced')"


def clashes(asked: str, wanted: str, course: str) -> str:
    """The ids of other sessions in which the person who is `asked` for is enrolled at the same time, as an array.

    `wanted` is the alias of the session that they are asked for, and `course` of its course. A person has few bookings,
    so each of their sessions at about that time is looked up: `OFFSET 0` keeps the planner from searching all sessions
    of that time. What else a session has to be is asked of those at that time alone.
    """
    other_mode = """(
        SELECT delivery_mode FROM courses WHERE organisation_id = other.organisation_id AND id = other.course_id
    )"""
    return f"""CASE WHEN {occupies(wanted, f"{course}.delivery_mode")} THEN ARRAY (
        SELECT booking.session_id FROM enrollments booking
        CROSS JOIN LATERAL (
            SELECT FROM sessions other
            WHERE other.organisation_id = booking.organisation_id AND other.id = booking.session_id
                AND other.status IN ('scheduled', 'in_progress') AND other.booked && {wanted}.booked
                AND {occupies("other", other_mode)}
            OFFSET 0
        ) AS at_that_time
        WHERE booking.organisation_id = {asked}.organisation_id AND booking.employee_id = {asked}.employee_id
            AND booking.status = 'enrolled' AND booking.session_id <> {asked}.session_id
            AND (booking.booked_from < upper({wanted}.booked) AND booking.booked_until > lower({wanted}.booked)
                OR booking.booked_from IS NULL)
        ORDER BY booking.session_id LIMIT {MOST_CLASHES}
    ) ELSE '{{}}' END"""  # noqa: S608 - of constants alone
