-- What was true of the course, the session and the person when an enrollment stopped being open (contract, section 6);
-- null while it is open. Records that an earlier release closed get it from the service's workers.
ALTER TABLE enrollments ADD COLUMN remembered jsonb;
CREATE INDEX enrollments_to_preserve ON enrollments (organisation_id, id)
    WHERE remembered IS NULL AND status IN ('completed', 'failed', 'absent', 'cancelled');

-- Of the catalog's rows, what is remembered. `details_version` is the version that these columns are from: a process of
-- the release before, which does not know them, leaves it behind `version`, and the workers fetch what is missing.
ALTER TABLE courses ADD COLUMN delivery_mode text, ADD COLUMN labels jsonb,
    ADD COLUMN details_version integer NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN session_name text, ADD COLUMN projects jsonb,
    ADD COLUMN details_version integer NOT NULL DEFAULT 0;
CREATE INDEX courses_without_details ON courses (organisation_id, id) WHERE details_version <> version;
CREATE INDEX sessions_without_details ON sessions (organisation_id, id) WHERE details_version <> version;
