-- Texts are found in any spelling: without accents, in any case, `ß` as `ss` and `ł` as `l`, whatever the blanks. One
-- definition for all that is searched.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS unaccent;
    -- PostgreSQL takes `unaccent` for changeable, since its dictionary could be replaced; nobody does that here.
    CREATE FUNCTION searchable(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $f$
    BEGIN
        RETURN lower(public.unaccent('public.unaccent', normalize(value, NFC)));
    END $f$;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE WARNING 'searches distinguish accents: %', SQLERRM;
    CREATE FUNCTION searchable(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $f$
    BEGIN
        RETURN lower(normalize(value, NFC));
    END $f$;
END $$;

-- A pattern for LIKE that matches a word anywhere; `%`, `_` and the backslash are ordinary characters.
CREATE FUNCTION containing(word text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN '%' || regexp_replace(searchable(word), '([\\%_])', '\\\1', 'g') || '%';

-- Stored, since a search looks at every row that its index finds: computing it there takes five times as long.
ALTER TABLE people ADD COLUMN searched text GENERATED ALWAYS AS (searchable(full_name || ' ' || employee_id)) STORED;

DO $$
BEGIN
    DROP INDEX IF EXISTS people_by_part_of_text;
    CREATE INDEX people_by_part_of_text ON people USING gin (organisation_id, searched gin_trgm_ops) WHERE NOT removed;
EXCEPTION WHEN undefined_object THEN
    RAISE WARNING 'no index for searching in people: %', SQLERRM;
END $$;

CREATE OR REPLACE VIEW people_in_scope AS
    SELECT organisation_id, id, type, employee_id, full_name, company_id, removed, searched FROM people
    WHERE (organisation_id = ANY ((SELECT organisations_in_scope())::bigint[])) IS NOT FALSE
    WITH CHECK OPTION;
