-- What was told of a completion's end is part of the completion, not of whether it counts: should it be taken back and
-- given again, it stays told.
ALTER TABLE enrollments ADD COLUMN notices_sent integer NOT NULL DEFAULT 0;
ALTER TABLE enrollments ADD COLUMN end_told_at timestamptz;
UPDATE enrollments e SET notices_sent = c.notices_sent, end_told_at = c.told_at FROM certifications c
    WHERE c.organisation_id = e.organisation_id AND c.enrollment_id = e.id AND c.notices_sent > 0;
ALTER TABLE certifications DROP COLUMN notices_sent, DROP COLUMN told_at;

-- The catalog has deleted the course.
ALTER TABLE courses ADD COLUMN removed boolean NOT NULL DEFAULT false;
