-- Companies of people who belong to the organisation.
-- What rows are marked with has an id and a name from the organisation's own systems, and no table of its own. This
-- keeps how many rows carry which, as totals of lists are kept (decision 8): a cell, here an id with one of its names,
-- may have several rows, so that nobody waits for who changes the same one.
--
-- An id may carry several names over its rows; the one that was given last is its name: `given` rises with each row
-- that begins to carry the name, and a name that no row carries any more has a total of 0.
--
-- `named` is the jsonb array of {id, name} of a row, `newest` what rows that were there before are ordered by; `{row}`
-- stands for the row in both.
CREATE FUNCTION keep_names(listed text, of_table text, named text, newest text) RETURNS void LANGUAGE plpgsql AS $make$
DECLARE
    totals text := listed || '_totals';
    those text := format('SELECT {row}.organisation_id, (each ->> ''id'')::bigint AS named_id, each ->> ''name'' AS name,'
        ' %s AS newest, {sign} AS sign FROM {rows} jsonb_array_elements(%s) AS each', newest, named);
    added text := replace(replace(replace(those, '{sign}', '1'), '{rows}', 'new_rows CROSS JOIN'), '{row}', 'new_rows');
    taken text := replace(replace(replace(those, '{sign}', '-1'), '{rows}', 'old_rows CROSS JOIN'), '{row}', 'old_rows');
    moved text := concat(replace(replace(replace(those, '{sign}', '1'), '{rows}', ''), '{row}', 'NEW'), ' UNION ALL ',
        replace(replace(replace(those, '{sign}', '-1'), '{rows}', ''), '{row}', 'OLD'));
    counted text := 'SELECT organisation_id, named_id, name, max(newest) AS newest, sum(sign)::bigint AS total'
        ' FROM ({changed}) changed GROUP BY organisation_id, named_id, name HAVING sum(sign) <> 0';
    follow text := replace(replace($body$
        BEGIN
            WITH change AS (
                {counted}
            ), chosen AS MATERIALIZED (
                SELECT change.*, (
                    SELECT t.id FROM public.{totals} t WHERE t.organisation_id = change.organisation_id
                        AND t.named_id = change.named_id AND t.name = change.name LIMIT 1 FOR UPDATE SKIP LOCKED
                ) AS id FROM change ORDER BY newest
            ), numbered AS MATERIALIZED (
                SELECT chosen.*, CASE WHEN total > 0 THEN nextval('public.{totals}_given') ELSE 0 END AS given FROM chosen
            ), moved AS (
                UPDATE public.{totals} t SET total = t.total + numbered.total, given = greatest(t.given, numbered.given)
                FROM numbered WHERE t.id = numbered.id
            )
            INSERT INTO public.{totals} (organisation_id, named_id, name, given, total)
            SELECT organisation_id, named_id, name, given, total FROM numbered WHERE id IS NULL;
            RETURN NULL;
        END
        $body$, '{counted}', counted), '{totals}', totals);
    way record;
BEGIN
    EXECUTE format('CREATE SEQUENCE %I', totals || '_given');
    EXECUTE format('CREATE TABLE %I (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, organisation_id bigint NOT NULL,'
        ' named_id bigint NOT NULL, name text NOT NULL,'
        ' searched text GENERATED ALWAYS AS (searchable(name)) STORED, given bigint NOT NULL DEFAULT 0,'
        ' total bigint NOT NULL) WITH (fillfactor = 50)', totals);
    EXECUTE format('CREATE INDEX %I ON %I (organisation_id, named_id, name)', totals || '_of_cell', totals);
    PERFORM separate_organisations(totals::regclass);
    -- Rows are changed for other reasons most of the time: a trigger for each row need not even be called then.
    FOR way IN VALUES
        ('INSERT', 'REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT', added),
        ('DELETE', 'REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT', taken),
        ('UPDATE', format('FOR EACH ROW WHEN (%s IS DISTINCT FROM %s)',
            replace(named, '{row}', 'OLD'), replace(named, '{row}', 'NEW')), moved)
    LOOP
        EXECUTE format('CREATE FUNCTION %I() RETURNS trigger LANGUAGE plpgsql AS %L',
            totals || '_on_' || lower(way.column1), replace(follow, '{changed}', way.column3));
        EXECUTE format('CREATE TRIGGER %I AFTER %s ON %I %s EXECUTE FUNCTION %I()', listed || '_on_' || lower(way.column1),
            way.column1, of_table, way.column2, totals || '_on_' || lower(way.column1));
    END LOOP;
    EXECUTE format('CREATE TRIGGER %I AFTER TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION forget_totals(%L)',
        listed || '_on_truncate', of_table, totals);
    EXECUTE format('CREATE VIEW %I WITH (security_invoker = true) AS %s', listed || '_counted', replace(counted, '{changed}',
        replace(replace(replace(those, '{sign}', '1'), '{rows}', format('public.%I CROSS JOIN', of_table)), '{row}', of_table)));
    EXECUTE format('INSERT INTO %1$I (organisation_id, named_id, name, given, total)'
        ' SELECT organisation_id, named_id, name, nextval(%2$L), total FROM (SELECT * FROM %3$I ORDER BY newest) counted',
        totals, totals || '_given', listed || '_counted');
END $make$;

SELECT keep_names('companies', 'people', $$CASE WHEN {row}.removed OR {row}.company_id IS NULL THEN '[]' ELSE
    jsonb_build_array(jsonb_build_object('id', {row}.company_id, 'name', coalesce({row}.company_name, ''))) END$$,
    '{row}.created_at');
DROP FUNCTION keep_names;
