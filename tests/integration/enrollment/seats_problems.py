"""SQL that finds broken promises about seats: no statement may find a row."""

PROBLEMS = {
    "seats taken are not those that are held": """
        SELECT s.organisation_id, s.id, s.seats_taken, count(e.id) FROM sessions s
        LEFT JOIN enrollments e ON e.organisation_id = s.organisation_id AND e.session_id = s.id AND e.holds_seat
        GROUP BY s.organisation_id, s.id HAVING s.seats_taken <> count(e.id)
    """,
    "more seats are taken than there are, and nobody chose that": """
        SELECT * FROM sessions s WHERE s.seats_taken > s.seats_max AND s.seats_taken - s.seats_max > (
            SELECT count(*) FROM enrollments e WHERE e.organisation_id = s.organisation_id AND e.session_id = s.id
                AND e.holds_seat AND EXISTS (
                    SELECT FROM audit a WHERE a.organisation_id = e.organisation_id AND a.enrollment_id = e.id
                        AND a.actor_name = 'Chooser'))
    """,
    "somebody waits beside a free seat": """
        SELECT s.* FROM sessions s WHERE s.status = 'scheduled' AND s.seats_taken < s.seats_max AND EXISTS (
            SELECT FROM enrollments e WHERE e.organisation_id = s.organisation_id AND e.session_id = s.id
                AND e.status = 'waitlisted')
    """,
    "somebody was overtaken in line": """
        SELECT waiting.* FROM enrollments waiting JOIN audit a ON a.organisation_id = waiting.organisation_id
            AND a.action = 'enrollment.promoted' AND a.enrollment_id > waiting.id AND a.actor_name <> 'Chooser'
        JOIN enrollments promoted ON promoted.organisation_id = a.organisation_id AND promoted.id = a.enrollment_id
        WHERE waiting.status = 'waitlisted' AND promoted.session_id = waiting.session_id
    """,
    "somebody is enrolled twice": """
        SELECT e.organisation_id, e.session_id, e.employee_id FROM enrollments e
        JOIN courses c ON c.organisation_id = e.organisation_id AND c.id = e.course_id
        WHERE e.status IN ('enrolled', 'waitlisted') OR c.delivery_mode <> 'self_paced' AND e.status <> 'cancelled'
        GROUP BY 1, 2, 3 HAVING count(*) > 1
    """,
    "somebody who was merged has records": """
        SELECT e.* FROM enrollments e JOIN people p ON p.organisation_id = e.organisation_id AND p.id = e.employee_id
        WHERE p.merged_into IS NOT NULL
    """,
    "a cancelled session has open enrollments": """
        SELECT e.* FROM enrollments e JOIN sessions s ON s.organisation_id = e.organisation_id AND s.id = e.session_id
        WHERE s.status = 'cancelled' AND e.status IN ('enrolled', 'waitlisted')
    """,
    "somebody attended a meeting of a session in which they are not": """
        SELECT e.* FROM enrollments e, jsonb_array_elements(e.attendance) AS each
        WHERE (each ->> 'meeting_id')::bigint / 100 <> e.session_id
    """,
    "somebody attended a meeting before their first check-in, or is not checked in": """
        SELECT e.* FROM enrollments e, jsonb_array_elements(e.attendance) AS each
        WHERE e.checked_in_at IS NULL OR (each ->> 'checked_in_at')::timestamptz < e.checked_in_at
    """,
    "somebody is absent and checked in": """
        SELECT * FROM enrollments WHERE status = 'absent' AND (checked_in_at IS NOT NULL OR attendance <> '[]')
    """,
    "what certifies and what counts for compliance differ": """
        SELECT * FROM certifications c FULL JOIN (
            SELECT DISTINCT e.organisation_id, e.course_id, e.employee_id FROM enrollments e
            JOIN people p ON p.organisation_id = e.organisation_id AND p.id = e.employee_id
            WHERE e.certifies AND NOT p.removed
        ) AS holder USING (organisation_id, course_id, employee_id)
        WHERE c.enrollment_id IS NULL OR NOT EXISTS (
            SELECT FROM enrollments e WHERE e.organisation_id = c.organisation_id AND e.id = c.enrollment_id
                AND e.certifies AND e.valid_until IS NOT DISTINCT FROM c.valid_until)
    """,
    "versions and events differ": """
        SELECT e.organisation_id, e.id, e.version FROM enrollments e WHERE e.version <> (
            SELECT count(*) FROM outbox o WHERE o.organisation_id = e.organisation_id
                AND o.routing_key LIKE 'enrollment.%' AND (o.body::jsonb -> 'data' ->> 'id')::bigint = e.id)
    """,
    "versions and audit entries differ": """
        SELECT e.organisation_id, e.id, e.version FROM enrollments e WHERE e.version <> (
            SELECT count(*) FROM audit a WHERE a.organisation_id = e.organisation_id AND a.enrollment_id = e.id)
    """,
    "versions of people and audit entries differ": """
        SELECT p.organisation_id, p.id, p.version FROM people p WHERE p.version <> (
            SELECT count(*) FROM audit_trail a WHERE a.organisation_id = p.organisation_id AND a.kind = 'person'
                AND a.id = p.id)
    """,
}
