-- A person who was erased keeps their row, blank and removed for good (decision 30): enrollments and figures stay.
ALTER TABLE people ADD COLUMN erased_at timestamptz,
    ADD CONSTRAINT erased_is_blank CHECK (
        erased_at IS NULL OR removed AND full_name = '' AND employee_id = '' AND company_id IS NULL AND company_name IS NULL
    ) NOT VALID;

-- Those who were merged into somebody are the same person, and are erased with them.
CREATE INDEX people_merged ON people (organisation_id, merged_into) WHERE merged_into IS NOT NULL;

-- Who was erased: the SHA-256 of organisation and id, so that a restored backup can be erased again.
CREATE TABLE erased_people (
    organisation_id bigint NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    erased_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_id, hash)
);
SELECT separate_organisations('erased_people');
