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

CREATE TABLE courses_totals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id bigint NOT NULL,
    category text NOT NULL,
    delivery_mode text NOT NULL,
    total bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX courses_totals_of_cell ON courses_totals (organisation_id, category, delivery_mode);
SELECT pg_temp.keep_totals('courses', 'organisation_id, category, delivery_mode', 'true',
    '{organisation_id, category, delivery_mode}');

-- By the day, in UTC, on which sessions start; of all days as day -infinity.
CREATE TABLE sessions_totals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id bigint NOT NULL,
    day date NOT NULL,
    status text NOT NULL,
    total bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX sessions_totals_of_cell ON sessions_totals (organisation_id, day, status);
SELECT pg_temp.keep_totals('sessions', $$organisation_id, (start_date AT TIME ZONE 'UTC')::date AS day, status$$, 'true',
    '{organisation_id, day, status}', 'day', $$date '-infinity'$$);

-- Pages walk an index in their own order, whichever filters are asked for.
CREATE INDEX courses_by_kind ON courses (organisation_id, category, delivery_mode, id);
CREATE INDEX sessions_by_status ON sessions (organisation_id, status, start_date, id);
SELECT pg_temp.index_for_search('courses', 'lower(title)', 'true');
