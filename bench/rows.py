"""The rows of the data set, as statements: a function of their numbers alone, so that every run has the same ones.

The owners' rows are made where they are stored; copies are taken from the owners' rows, each as the handlers of its
service would have written it. `pick(n, salt, m)` is a number below m that looks random.
"""

# Everything lies around the day of the run: about a sixth of the sessions is still to come.
PICK = """
CREATE FUNCTION pg_temp.pick(n bigint, salt bigint, m bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (hashint8extended(n, salt) & 9007199254740991) % m
"""

COURSES = """
INSERT INTO courses (organisation_id, id, title, category, delivery_mode, duration_hours, cost_per_participant,
    provider, provider_name, description, pass_score, validity_months, prerequisites, labels, created_at,
    total_sessions)
SELECT $1, n, 'Course ' || lpad(n::text, 6, '0') || ' '
        || (ARRAY['Working at Heights', 'First Aid', 'Leadership', 'Forklift', 'Induction'])[1 + pick(n, 1, 5)],
    (ARRAY['technical', 'soft_skills', 'compliance', 'leadership', 'onboarding', 'safety'])[1 + pick(n, 2, 6)],
    (ARRAY['in_person', 'online', 'hybrid', 'self_paced'])[1 + pick(n, 3, 4)],
    1 + pick(n, 4, 40) / 2.0, pick(n, 5, 900), (ARRAY['internal', 'external'])[1 + pick(n, 6, 2)],
    CASE WHEN pick(n, 6, 2) = 1 THEN 'Provider ' || pick(n, 7, 40) END,
    repeat('What it teaches, to whom, and what they can do afterwards. ', 1 + pick(n, 8, 6)::integer),
    CASE WHEN pick(n, 9, 3) > 0 THEN 60 END, CASE WHEN pick(n, 10, 2) = 0 THEN 24 END, '{}',
    CASE WHEN pick(n, 11, 3) > 0 THEN '[]' ELSE jsonb_build_array(
        jsonb_build_object('id', 1 + pick(n, 12, 20), 'name', 'Label ' || 1 + pick(n, 12, 20))) END,
    $2::timestamptz - interval '4 years' + n * interval '3 minutes', $4
FROM generate_series(1, $3::bigint) n
"""

# Every second of those to come is full, with five people waiting.
SESSIONS = """
INSERT INTO sessions (organisation_id, id, course_id, session_name, start_date, end_date, location, facilitator,
    max_participants, status, projects)
SELECT $1, n, 1 + (n - 1) / $4, 'Cohort ' || n, start, start + interval '8 hours',
    CASE WHEN pick(n, 22, 10) > 0 THEN 'Training Room ' || 1 + pick(n, 23, 40) END,
    CASE WHEN pick(n, 24, 5) > 0 THEN jsonb_build_object('id', 1 + pick(n, 25, 200),
        'full_name', 'Trainer ' || 1 + pick(n, 25, 200)) END,
    CASE WHEN start < $2 THEN 50 WHEN n % 2 = 1 THEN 45 ELSE 100 END,
    CASE WHEN start >= $2 THEN 'scheduled' WHEN pick(n, 26, 30) = 0 THEN 'cancelled' ELSE 'completed' END,
    CASE WHEN pick(n, 27, 2) > 0 THEN '[]' ELSE jsonb_build_array(
        jsonb_build_object('id', 1 + pick(n, 28, 30), 'name', 'Project ' || 1 + pick(n, 28, 30))) END
FROM (
    SELECT n, $2::timestamptz - interval '1000 days' + interval '1200 days' * (n / $3::bigint::double precision)
        + make_interval(mins => pick(n, 21, 60 * 96)::integer * 15) AS start
    FROM generate_series(1, $3::bigint) n
) session
"""

PEOPLE = """
INSERT INTO people (organisation_id, id, type, employee_id, full_name, company_id, company_name, created_at)
SELECT $1, n, CASE WHEN n > $4 AND pick(n, 41, 20) = 0 THEN 'staff' ELSE 'employee' END,
    'EMP-' || lpad(n::text, 8, '0'),
    (ARRAY['Ava', 'Ben', 'Chloe', 'Dan', 'Ella', 'Finn', 'Grace', 'Hugo'])[1 + pick(n, 42, 8)] || ' '
        || (ARRAY['Nguyen', 'Smith', 'Rossi', 'Khan', 'Olsen', 'Weber'])[1 + pick(n, 43, 6)] || ' ' || n,
    company, 'Contractor ' || company, $2::timestamptz - interval '4 years' + n * interval '1 second'
FROM (
    SELECT n, CASE WHEN pick(n, 41, 20) > 0 AND pick(n, 44, 2) = 0 THEN 1 + pick(n, 45, 40) END AS company
    FROM generate_series(1, $3::bigint) n
) person
"""

# Sessions fill up in blocks, all of a block at once, as time goes by: ids rise with the day of enrolling, and the
# people of one session lie apart from each other. In rounds 0 and 1 those enroll who have a history of 50.
ENROLLMENTS = """
INSERT INTO enrollments (organisation_id, id, session_id, course_id, employee_id, status, holds_seat, score, passed,
    feedback, enrolled_at, completed_at, valid_until, checked_in_at, check_in_method, notices_sent, end_told_at,
    remembered)
SELECT $1, n, session_id, course_id, employee_id, status, holds_seat, score, score >= pass_score,
    CASE WHEN status = 'completed' AND pick(n, 57, 10) = 0 THEN 'Took part with interest.' END,
    $2::timestamptz - interval '1030 days' + interval '1200 days' * (n / ($3::bigint * $4::bigint)::double precision),
    completed_at, valid_until, CASE WHEN completed_at IS NOT NULL THEN start_date END,
    CASE WHEN completed_at IS NOT NULL THEN (ARRAY['manual', 'qr_code', 'kiosk'])[1 + pick(n, 58, 3)] END,
    coalesce(valid_until < $2, false)::integer, CASE WHEN valid_until < $2 THEN valid_until END,
    CASE WHEN status NOT IN ('enrolled', 'waitlisted') THEN current END
FROM (
    SELECT *, status NOT IN ('cancelled', 'waitlisted') AS holds_seat,
        CASE WHEN status IN ('completed', 'failed') AND pass_score IS NOT NULL
            THEN CASE status WHEN 'completed' THEN 60 ELSE 20 END + pick(n, 55, 40) END AS score,
        CASE WHEN status IN ('completed', 'failed') THEN start_date + interval '8 hours' END AS completed_at,
        CASE WHEN status = 'completed' THEN start_date + interval '8 hours' + make_interval(months => validity_months)
            END AS valid_until
    FROM (
        SELECT n, s.id AS session_id, s.course_id, s.start_date, c.pass_score, c.validity_months, person AS employee_id,
            CASE WHEN s.start_date >= $2 AND s.id % 2 = 1 AND round >= $4::bigint - 5 THEN 'waitlisted'
                WHEN s.start_date >= $2 THEN 'enrolled'
                WHEN s.status = 'cancelled' OR pick(n, 52, 20) = 0 THEN 'cancelled'
                WHEN pick(n, 52, 20) = 1 AND c.pass_score IS NOT NULL THEN 'failed'
                WHEN pick(n, 52, 20) = 2 THEN 'absent' ELSE 'completed' END AS status,
            jsonb_build_object('training_name', c.title, 'delivery_mode', c.delivery_mode, 'labels', c.labels,
                'session_name', s.session_name, 'location', s.location, 'projects', s.projects,
                'company', CASE WHEN p.company_id IS NOT NULL
                    THEN jsonb_build_object('id', p.company_id, 'name', p.company_name) END) AS current
        FROM (
            SELECT n, session_id, round, CASE WHEN round < 2 THEN 1 + ((session_id - 1) * 2 + round) % $6::bigint
                ELSE 1 + $6::bigint + (pick(session_id, 51, $5::bigint) + round * 7919) % ($5::bigint - $6::bigint)
                END AS person
            FROM (
                SELECT n, (n - 1) / ($7::bigint * $4::bigint) * $7::bigint + (n - 1) % $7::bigint + 1 AS session_id,
                    (n - 1) % ($7::bigint * $4::bigint) / $7::bigint AS round
                FROM generate_series($8::bigint, $9::bigint) n
            ) numbered
        ) chosen
        JOIN sessions s ON s.organisation_id = $1 AND s.id = session_id
        JOIN courses c ON c.organisation_id = $1 AND c.id = s.course_id
        JOIN people p ON p.organisation_id = $1 AND p.id = person
    ) decided
) told
ORDER BY n
"""

SEATS_TAKEN = """
UPDATE sessions s SET seats_taken = held
FROM (SELECT organisation_id, session_id, count(*) AS held FROM enrollments WHERE holds_seat GROUP BY 1, 2) e
WHERE s.organisation_id = e.organisation_id AND s.id = e.session_id
"""

# None is checked while something is measured: notices of expiry begin tomorrow.
CERTIFICATIONS = """
INSERT INTO certifications (organisation_id, course_id, employee_id, enrollment_id, completed_at, valid_until, look_at)
SELECT DISTINCT ON (organisation_id, course_id, employee_id)
    organisation_id, course_id, employee_id, id, completed_at, valid_until,
    CASE WHEN valid_until >= $1 THEN greatest(valid_until - interval '30 days', $1::timestamptz + interval '2 days') END
FROM enrollments WHERE status = 'completed'
ORDER BY organisation_id, course_id, employee_id, valid_until DESC NULLS FIRST, id
"""

NEXT_IDS = {
    "catalog": """SELECT setval('course_ids', (SELECT max(id) FROM courses)),
        setval('session_ids', (SELECT max(id) FROM sessions))""",
    "enrollment": "SELECT setval('enrollment_ids', (SELECT max(id) FROM enrollments))",
}

# (owner, table there) → (who copies, table, columns with the expressions that they come from)
_ID = {"organisation_id": "organisation_id", "id": "id", "version": "version"}
_NAMES = "jsonb_path_query_array({}, '$[*].name')"
_IDS = "ARRAY (SELECT (item ->> 'id')::bigint FROM jsonb_array_elements({}) AS item)"

COPIES: dict[tuple[str, str], list[tuple[str, str, dict[str, str]]]] = {
    ("catalog", "courses"): [
        (
            "enrollment",
            "courses",
            {
                **_ID,
                **{name: name for name in ("title", "pass_score", "validity_months", "prerequisites")},
                "label_ids": _IDS.format("labels"),
                "delivery_mode": "delivery_mode",
                "labels": "labels",
                "details_version": "version",
            },
        ),
        (
            "history",
            "courses",
            {
                **_ID,
                "title": "title",
                "online": "delivery_mode IN ('online', 'self_paced')",
                "label_ids": _IDS.format("labels"),
                "label_names": _NAMES.format("labels"),
                "description": "description",
            },
        ),
    ],
    ("catalog", "sessions"): [
        (
            "enrollment",
            "sessions",
            {
                **_ID,
                **{name: name for name in ("course_id", "start_date", "end_date", "location", "status", "meetings")},
                "seats_max": "max_participants",
                "project_ids": _IDS.format("projects"),
                "session_name": "session_name",
                "projects": "projects",
                "details_version": "version",
                "times_version": "version",
                "facilitator_id": "(facilitator ->> 'id')::bigint",
                "facilitator_name": "facilitator ->> 'full_name'",
                "facilitator_version": "version",
            },
        ),
        (
            "history",
            "sessions",
            {
                **_ID,
                **{name: name for name in ("session_name", "start_date", "location", "meetings")},
                **{name: name for name in ("course_id", "max_participants", "status")},
                "project_ids": _IDS.format("projects"),
                "project_names": _NAMES.format("projects"),
            },
        ),
    ],
    ("enrollment", "people"): [
        (
            "history",
            "people",
            {
                **_ID,
                **{name: name for name in ("type", "full_name", "company_id", "company_name", "removed")},
            },
        ),
    ],
    ("enrollment", "enrollments"): [
        (
            "catalog",
            "enrollments",
            {
                **_ID,
                **{name: name for name in ("session_id", "course_id", "status", "score", "holds_seat")},
            },
        ),
        (
            "history",
            "records",
            {
                **_ID,
                **{name: name for name in ("employee_id", "session_id", "course_id", "status", "holds_seat")},
                "scored": "score IS NOT NULL",
                **{name: name for name in ("passed", "completed_at", "valid_until")},
                **{name: name for name in ("checked_in_at", "check_in_method", "attendance")},
                "remembered": "remembered IS NOT NULL",
                "remembered_title": "remembered ->> 'training_name'",
                "remembered_online": "remembered ->> 'delivery_mode' IN ('online', 'self_paced')",
                "remembered_label_ids": _IDS.format("coalesce(remembered -> 'labels', '[]')"),
                "remembered_label_names": _NAMES.format("remembered -> 'labels'"),
                **{f"remembered_{name}": f"remembered ->> '{name}'" for name in ("session_name", "location")},
                "remembered_project_ids": _IDS.format("coalesce(remembered -> 'projects', '[]')"),
                "remembered_project_names": _NAMES.format("remembered -> 'projects'"),
                "remembered_company_id": "(remembered #>> '{company,id}')::bigint",
                "remembered_company_name": "remembered #>> '{company,name}'",
                "remembered_meetings": "'[]'::jsonb",
            },
        ),
    ],
}
