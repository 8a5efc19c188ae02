-- Training that people did elsewhere, which somebody submits and somebody else accepts or rejects (contract, section 4).
-- The ids are those of enrollments too, so that both stand in one history, and a certification names either by its id:
-- `certifications.enrollment_id` is that of an enrollment or of one of these records.
CREATE TABLE external_records (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL DEFAULT nextval('enrollment_ids'),
    version integer NOT NULL DEFAULT 1,
    employee_id bigint NOT NULL,
    course_id bigint,
    training_name text,
    provider text NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'accepted', 'rejected')),
    completed_at timestamptz NOT NULL,
    valid_until timestamptz,
    score numeric(5, 2),
    passed boolean,
    certificate_url text,
    evidence text,
    submitted_at timestamptz NOT NULL DEFAULT now(),
    submitted_by_subject text NOT NULL,
    submitted_by_name text NOT NULL,
    decided_at timestamptz,
    decided_by_subject text,
    decided_by_name text,
    reason text,
    certifies boolean NOT NULL DEFAULT false CHECK (NOT certifies OR status = 'accepted' AND course_id IS NOT NULL),
    remembered jsonb,
    notices_sent integer NOT NULL DEFAULT 0,
    end_told_at timestamptz,
    PRIMARY KEY (organisation_id, id),
    FOREIGN KEY (organisation_id, employee_id) REFERENCES people,
    CHECK ((course_id IS NULL) <> (training_name IS NULL))
) WITH (fillfactor = 80);
SELECT separate_organisations('external_records');

CREATE INDEX external_records_of_employee ON external_records (organisation_id, employee_id, id);
CREATE INDEX external_records_of_course ON external_records (organisation_id, course_id, id);
CREATE INDEX external_records_by_status ON external_records (organisation_id, status, id);
CREATE INDEX external_records_certifying ON external_records (organisation_id, employee_id, course_id) WHERE certifies;
