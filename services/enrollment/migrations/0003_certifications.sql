CREATE TABLE organisation_settings (
    organisation_id bigint PRIMARY KEY,
    time_zone text NOT NULL
);

-- The completion that counts for a person and a course: the one that is valid longest. It follows from the
-- enrollments and is kept beside them, so that nobody has to be searched for in all of them.
CREATE TABLE certifications (
    organisation_id bigint NOT NULL,
    course_id bigint NOT NULL,
    employee_id bigint NOT NULL,
    enrollment_id bigint NOT NULL,
    completed_at timestamptz NOT NULL,
    valid_until timestamptz,
    notices_sent integer NOT NULL DEFAULT 0,
    told_at timestamptz,
    look_at timestamptz,
    PRIMARY KEY (organisation_id, course_id, employee_id)
);

CREATE INDEX certifications_by_end ON certifications (organisation_id, course_id, valid_until);
CREATE INDEX certifications_to_look_at ON certifications (look_at) WHERE look_at IS NOT NULL;

INSERT INTO certifications (organisation_id, course_id, employee_id, enrollment_id, completed_at, valid_until,
    look_at)
SELECT DISTINCT ON (organisation_id, course_id, employee_id)
    organisation_id, course_id, employee_id, id, completed_at, valid_until,
    CASE WHEN valid_until IS NOT NULL THEN now() END
FROM enrollments e WHERE status = 'completed' AND EXISTS (
    SELECT FROM people p WHERE p.organisation_id = e.organisation_id AND p.id = e.employee_id AND NOT p.removed)
ORDER BY organisation_id, course_id, employee_id, valid_until DESC NULLS FIRST, id;

CREATE INDEX people_present ON people (organisation_id, id) WHERE NOT removed;
CREATE INDEX enrollments_done ON enrollments (organisation_id, employee_id, course_id) WHERE status = 'completed';

-- Events that nobody in the house follows may route nowhere without being held back.
ALTER TABLE outbox ADD COLUMN must_route boolean NOT NULL DEFAULT true;
