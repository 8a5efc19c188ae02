-- Totals of lists, exact without counting on every page (decision 7): how many rows there are in each cell, a cell being
-- what can be asked for together. A cell may have several rows, and its total is their sum: whoever changes it takes a
-- row that nobody else is changing at the moment, or adds one, and so waits for nobody. Triggers do it in the
-- transaction of the rows that are counted, whichever statement changes them.
--
-- `cells` is what a listed row counts under, `columns` their names; under `every` = `all_of` stand the totals over all
-- values of that column.
CREATE FUNCTION pg_temp.keep_totals(
    listed text, cells text, condition text, columns text[], every text DEFAULT NULL, all_of text DEFAULT NULL
) RETURNS void LANGUAGE plpgsql AS $make$
DECLARE
    cell text := array_to_string(columns, ', ');
    same_cell text := (SELECT string_agg(format('t.%1$I = change.%1$I', name), ' AND ') FROM unnest(columns) name);
    selected text := (SELECT string_agg(CASE WHEN name = every THEN format('coalesce(%1$I, %2$s) AS %1$I', name, all_of)
        ELSE name END, ', ') FROM unnest(columns) name);
    grouping_sets text := concat_ws(', ', format('(%s)', cell),
        CASE WHEN every IS NOT NULL THEN format('(%s)', array_to_string(array_remove(columns, every), ', ')) END);
    counted text := format('SELECT %s, sum(sign)::bigint AS total FROM ({rows}) changed'
        ' GROUP BY GROUPING SETS (%s) HAVING sum(sign) <> 0', selected, grouping_sets);
    those text := format('SELECT %s, {sign} AS sign FROM {table} WHERE %s', cells, condition);
    added text := replace(replace(those, '{sign}', '1'), '{table}', 'new_rows');
    taken text := replace(replace(those, '{sign}', '-1'), '{table}', 'old_rows');
    follow text := replace(replace(replace(replace($body$
        BEGIN
            WITH change AS (
                {counted}
            ), chosen AS MATERIALIZED (
                SELECT change.*, (
                    SELECT t.id FROM public.{totals} t WHERE {same_cell} LIMIT 1 FOR UPDATE SKIP LOCKED
                ) AS id FROM change
            ), moved AS (
                UPDATE public.{totals} t SET total = t.total + chosen.total FROM chosen WHERE t.id = chosen.id
            )
            INSERT INTO public.{totals} ({cell}, total) SELECT {cell}, total FROM chosen WHERE id IS NULL;
            RETURN NULL;
        END
        $body$, '{counted}', counted), '{totals}', listed || '_totals'), '{same_cell}', same_cell), '{cell}', cell);
    way record;
BEGIN
    FOR way IN VALUES
        ('INSERT', 'NEW TABLE AS new_rows', added),
        ('UPDATE', 'OLD TABLE AS old_rows NEW TABLE AS new_rows', added || ' UNION ALL ' || taken),
        ('DELETE', 'OLD TABLE AS old_rows', taken)
    LOOP
        EXECUTE format('CREATE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql AS %L',
            listed || '_totals_on_' || lower(way.column1), replace(follow, '{rows}', way.column3));
        EXECUTE format('CREATE TRIGGER totals_on_%s AFTER %s ON %I REFERENCING %s FOR EACH STATEMENT'
            ' EXECUTE FUNCTION %I()', lower(way.column1), way.column1, listed, way.column2,
            listed || '_totals_on_' || lower(way.column1));
    END LOOP;
    EXECUTE format('CREATE TRIGGER totals_on_truncate AFTER TRUNCATE ON %I FOR EACH STATEMENT'
        ' EXECUTE FUNCTION forget_totals(%L)', listed, listed || '_totals');
    -- What the totals have to be: to fill them here, to verify them, to put them right.
    EXECUTE format('CREATE VIEW %I AS %s', listed || '_counted',
        replace(counted, '{rows}', replace(replace(those, '{sign}', '1'), '{table}', 'public.' || listed)));
    EXECUTE format('INSERT INTO %I (%s, total) SELECT %2$s, total FROM %I', listed || '_totals', cell, listed || '_counted');
END $make$;

CREATE FUNCTION forget_totals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DELETE FROM public.%I', TG_ARGV[0]);
    RETURN NULL;
END $$;

-- Finding a part of a text without reading all of them needs an extension, which the owner of a database may install
-- where the server has it. Without it a search reads every row of the organisation.
CREATE FUNCTION pg_temp.index_for_search(listed text, searched text, condition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE EXTENSION IF NOT EXISTS btree_gin;
    EXECUTE format('CREATE INDEX %I ON %I USING gin (organisation_id, (%s) gin_trgm_ops) WHERE %s',
        listed || '_by_part_of_text', listed, searched, condition);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE WARNING 'no index for searching in %: %', listed, SQLERRM;
END $$;

CREATE FUNCTION utc_year(moment timestamptz) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN extract(year FROM moment AT TIME ZONE 'UTC')::integer;

CREATE TABLE enrollments_totals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id bigint NOT NULL,
    course_id bigint NOT NULL,
    year integer NOT NULL,
    status text NOT NULL,
    total bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX enrollments_totals_of_cell ON enrollments_totals (organisation_id, course_id, year, status);
SELECT pg_temp.keep_totals('enrollments', 'organisation_id, course_id, public.utc_year(enrolled_at) AS year, status',
    'true', '{organisation_id, course_id, year, status}', 'course_id', '0');

-- Of people who belong to the organisation; those without a company count as company -1.
CREATE TABLE people_totals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id bigint NOT NULL,
    company_id bigint NOT NULL,
    type text NOT NULL,
    total bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX people_totals_of_cell ON people_totals (organisation_id, company_id, type);
SELECT pg_temp.keep_totals('people', 'organisation_id, coalesce(company_id, -1) AS company_id, type', 'NOT removed',
    '{organisation_id, company_id, type}', 'company_id', '0');

-- Pages walk an index in their own order, whichever filters are asked for.
CREATE INDEX enrollments_by_status ON enrollments (organisation_id, status, id);
CREATE INDEX enrollments_by_year ON enrollments (organisation_id, utc_year(enrolled_at), status, id)
    INCLUDE (enrolled_at);
DROP INDEX enrollments_of_course;
CREATE INDEX enrollments_of_course ON enrollments (organisation_id, course_id, status, id);

CREATE INDEX people_of_type ON people (organisation_id, type, id) WHERE NOT removed;
DROP INDEX people_of_company;
CREATE INDEX people_of_company ON people (organisation_id, company_id, type, id) WHERE NOT removed;
SELECT pg_temp.index_for_search('people', $$lower(full_name || ' ' || employee_id)$$, 'NOT removed');
