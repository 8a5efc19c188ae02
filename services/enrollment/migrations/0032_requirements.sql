-- What an organisation asks of its people (contract, section 4). NULL of the first four lists is whoever, wherever; of the
-- others one of the courses, or one that carries one of the labels, meets the requirement. The days are those of the
-- organisation's time zone, both inclusive. Removed ones stay, for the audit trail, and are found by nobody.
CREATE SEQUENCE requirement_ids;
CREATE TABLE requirements (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL DEFAULT nextval('requirement_ids'),
    version integer NOT NULL DEFAULT 1,
    name text NOT NULL,
    project_ids bigint[],
    company_ids bigint[],
    person_types text[],
    employee_ids bigint[],
    course_ids bigint[] NOT NULL,
    label_ids bigint[] NOT NULL,
    grace_days integer,
    valid_from date,
    valid_to date,
    removed boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (organisation_id, id),
    CHECK (cardinality(course_ids) + cardinality(label_ids) > 0)
);
SELECT separate_organisations('requirements');
CREATE TRIGGER note_update BEFORE UPDATE ON requirements FOR EACH ROW EXECUTE FUNCTION note_update();
