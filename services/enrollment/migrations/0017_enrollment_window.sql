-- Copies of the catalog's columns: when people may enroll themselves in a session.
ALTER TABLE sessions ADD COLUMN enrollment_opens_at timestamptz, ADD COLUMN enrollment_closes_at timestamptz;
