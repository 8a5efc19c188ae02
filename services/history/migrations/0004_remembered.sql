-- What was true of the course, the session and the person when an enrollment stopped being open: its record shows that,
-- and is found by it, from then on. Where nothing is `remembered`, a record shows the copies as they are now.
ALTER TABLE records
    ADD COLUMN remembered boolean NOT NULL DEFAULT false,
    ADD COLUMN title text,
    ADD COLUMN online boolean,
    ADD COLUMN label_ids bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN label_names jsonb,
    ADD COLUMN session_name text,
    ADD COLUMN location text,
    ADD COLUMN project_ids bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN project_names jsonb,
    ADD COLUMN company_id bigint,
    ADD COLUMN company_name text;

-- What is closed keeps what it shows, until enrollment's event says the same.
UPDATE records r SET remembered = true, title = c.title, online = c.online, label_ids = c.label_ids,
    label_names = c.label_names, session_name = s.session_name, location = s.location, project_ids = s.project_ids,
    project_names = s.project_names, company_id = p.company_id, company_name = p.company_name
FROM courses c, sessions s, people p
WHERE r.status IN ('completed', 'failed', 'absent', 'cancelled')
    AND c.organisation_id = r.organisation_id AND c.id = r.course_id
    AND s.organisation_id = r.organisation_id AND s.id = r.session_id
    AND p.organisation_id = r.organisation_id AND p.id = r.employee_id;
