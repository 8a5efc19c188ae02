-- What was true of the course, the session and the person when an enrollment stopped being open: its record shows that,
-- and is found by it, from then on. Where nothing is `remembered`, a record shows the copies as they are now.
-- No column has the name of one of the copies: processes of the release before read all columns of both side by side.
ALTER TABLE records
    ADD COLUMN remembered boolean NOT NULL DEFAULT false,
    ADD COLUMN remembered_title text,
    ADD COLUMN remembered_online boolean,
    ADD COLUMN remembered_label_ids bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN remembered_label_names jsonb,
    ADD COLUMN remembered_session_name text,
    ADD COLUMN remembered_location text,
    ADD COLUMN remembered_project_ids bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN remembered_project_names jsonb,
    ADD COLUMN remembered_company_id bigint,
    ADD COLUMN remembered_company_name text;

-- What is closed keeps what it shows, until enrollment's event says the same.
UPDATE records r SET remembered = true,
    remembered_title = c.title, remembered_online = c.online,
    remembered_label_ids = c.label_ids, remembered_label_names = c.label_names,
    remembered_session_name = s.session_name, remembered_location = s.location,
    remembered_project_ids = s.project_ids, remembered_project_names = s.project_names,
    remembered_company_id = p.company_id, remembered_company_name = p.company_name
FROM courses c, sessions s, people p
WHERE r.status IN ('completed', 'failed', 'absent', 'cancelled')
    AND c.organisation_id = r.organisation_id AND c.id = r.course_id
    AND s.organisation_id = r.organisation_id AND s.id = r.session_id
    AND p.organisation_id = r.organisation_id AND p.id = r.employee_id;
