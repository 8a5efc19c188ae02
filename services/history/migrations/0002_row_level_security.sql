-- Row-level security (decision 10): a second wall between organisations, behind the condition of every statement. The
-- service's role sees and writes the rows of the organisations that its transaction has named. The owner, who migrates,
-- verifies and rebuilds, is exempt.

-- What the present transaction may see; {NULL} is every organisation. Connections of this release open with {}. Those of
-- processes of the release before have no such setting, and see everything as before: they run beside this release while
-- it is installed.
CREATE FUNCTION organisations_in_scope() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('muster.organisations', true), '{NULL}')::bigint[];

-- For every table with a column organisation_id, also those that later migrations make. As a subquery the function is
-- called once for each statement. Compared with {NULL} an organisation is neither equal nor different, and so not false.
-- IS NOT FALSE is no condition for an index: statements keep the plans that they had.
CREATE FUNCTION separate_organisations(listed regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', listed);
    EXECUTE format('CREATE POLICY organisations_in_scope ON %s'
        ' USING ((organisation_id = ANY ((SELECT organisations_in_scope())::bigint[])) IS NOT FALSE)', listed);
END $$;

-- All tables are locked at once, or none of them is: whoever waited for one while it held another could wait for a
-- service's transaction that waits for it.
DO $$
DECLARE
    tables regclass[] := ARRAY (
        SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'organisation_id'
        ORDER BY c.relname);
BEGIN
    PERFORM set_config('lock_timeout', '100ms', true);
    FOR attempt IN 1..200 LOOP
        BEGIN
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', array_to_string(tables, ', '));
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            IF attempt = 200 THEN
                RAISE;
            END IF;
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', '0', true), separate_organisations(listed) FROM unnest(tables) AS listed;
END $$;
