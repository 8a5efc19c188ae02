-- What the organisation's own system calls a course or a session, so that the same file can be imported again and again
-- (contract, section 11).
ALTER TABLE courses ADD COLUMN external_id text;
ALTER TABLE sessions ADD COLUMN external_id text;
CREATE UNIQUE INDEX courses_by_external_id ON courses (organisation_id, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX sessions_by_external_id ON sessions (organisation_id, external_id) WHERE external_id IS NOT NULL;
