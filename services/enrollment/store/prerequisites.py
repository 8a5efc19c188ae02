"""SQL of which prerequisites somebody lacks."""


def missing(asked: str, course: str) -> str:
    """The titles of the courses that this one asks for and the person `asked` for lacks, as an array.

    Both are aliases.
    """
    return f"""ARRAY (
        SELECT coalesce(required.title, 'course ' || required_id)
        FROM unnest({course}.prerequisites) AS required_id
        LEFT JOIN courses required
            ON required.organisation_id = {course}.organisation_id AND required.id = required_id
        WHERE NOT EXISTS (
            SELECT FROM enrollments done
            WHERE done.organisation_id = {asked}.organisation_id AND done.employee_id = {asked}.employee_id
                AND done.course_id = required_id AND done.certifies
                AND (done.valid_until IS NULL OR done.valid_until > now())
        ) AND NOT EXISTS (
            SELECT FROM external_records elsewhere
            WHERE elsewhere.organisation_id = {asked}.organisation_id AND elsewhere.employee_id = {asked}.employee_id
                AND elsewhere.course_id = required_id AND elsewhere.certifies
                AND (elsewhere.valid_until IS NULL OR elsewhere.valid_until > now())
        )
        ORDER BY required_id
    )"""  # noqa: S608 - of constants alone
