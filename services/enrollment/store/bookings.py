"""SQL of who is enrolled elsewhere at the same time. When a session meets is in its column `booked`."""

MOST_CLASHES = 5
"""Sessions that a response names for one person at most."""


def occupies(session: str, course: str) -> str:
    """Whether a session, of that course, occupies those who are enrolled in it: no standing one, none that is over.

    Both are aliases.
    """
    return f"({course}.delivery_mode IS DISTINCT FROM 'self_paced' AND upper({session}.booked) > now())"


def clashes(asked: str, session: str, course: str) -> str:
    """The ids of other sessions at the time of this one in which the person `asked` for is enrolled, as an array."""
    return f"""ARRAY (
        SELECT other.id FROM enrollments booking
        JOIN sessions other ON other.organisation_id = booking.organisation_id AND other.id = booking.session_id
        JOIN courses other_course
            ON other_course.organisation_id = other.organisation_id AND other_course.id = other.course_id
        WHERE booking.organisation_id = {asked}.organisation_id AND booking.employee_id = {asked}.employee_id
            AND booking.status = 'enrolled' AND booking.session_id <> {asked}.session_id
            AND other.status IN ('scheduled', 'in_progress') AND other.booked && {session}.booked
            AND {occupies("other", "other_course")} AND {occupies(session, course)}
        ORDER BY other.id LIMIT {MOST_CLASHES}
    )"""  # noqa: S608 - of constants alone
