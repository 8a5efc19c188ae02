-- Training that people did elsewhere is a record without a session, and often without a course: `training_name` says
-- what it was then, and `provider` where.
ALTER TABLE records
    ALTER COLUMN session_id DROP NOT NULL,
    ALTER COLUMN course_id DROP NOT NULL,
    ADD COLUMN external boolean NOT NULL DEFAULT false,
    ADD COLUMN training_name text,
    ADD COLUMN provider text;
