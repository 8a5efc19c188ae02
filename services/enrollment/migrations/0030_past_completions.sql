-- Past completions, which an import brings (contract, section 11): records of the organisation's own courses, which count
-- at once. `key` is the line's own, by which it is known again, and `line_digest` what it said last: the same line again
-- changes nothing, whatever has become of the record, of its person or of its course since then. A record whose person
-- was erased has neither.
-- Processes of the release before write neither column: what they write is training done elsewhere.
ALTER TABLE external_records
    ADD COLUMN source text NOT NULL DEFAULT 'external' CHECK (source IN ('external', 'import')),
    ADD COLUMN key text,
    ADD COLUMN line_digest bytea,
    ALTER COLUMN provider DROP NOT NULL,
    ADD CONSTRAINT external_records_of_a_provider CHECK ((source = 'external') = (provider IS NOT NULL)),
    ADD CONSTRAINT external_records_of_a_key CHECK (
        CASE source WHEN 'import' THEN (key IS NULL) = (line_digest IS NULL) AND course_id IS NOT NULL
            ELSE key IS NULL AND line_digest IS NULL END);
CREATE UNIQUE INDEX external_records_by_key ON external_records (organisation_id, key) WHERE key IS NOT NULL;
