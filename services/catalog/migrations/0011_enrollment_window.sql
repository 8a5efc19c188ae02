-- When people may enroll themselves in a session: null for from now on, and for until it begins (contract, section 3).
ALTER TABLE sessions ADD COLUMN enrollment_opens_at timestamptz, ADD COLUMN enrollment_closes_at timestamptz;
