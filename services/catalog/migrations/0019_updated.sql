-- When a row was changed last, by the clock of the database: `updated_since` of its list asks for it. Processes of the
-- release before need not know of it. Rows that are there already count as changed now.
CREATE FUNCTION note_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;

-- Of many rows the day, in UTC, has an index. One of the moment would get a new entry with every change of a row, also where
-- nothing else that is indexed has changed.
CREATE FUNCTION note_update_and_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    NEW.updated_day := (NEW.updated_at AT TIME ZONE 'UTC')::date;
    RETURN NEW;
END $$;

CREATE FUNCTION pg_temp.note_updates_and_days(listed text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),'
        ' ADD COLUMN updated_day date NOT NULL DEFAULT (now() AT TIME ZONE ''UTC'')::date', listed);
    EXECUTE format('ALTER TABLE %I ALTER COLUMN updated_at SET DEFAULT clock_timestamp(),'
        ' ALTER COLUMN updated_day SET DEFAULT (clock_timestamp() AT TIME ZONE ''UTC'')::date', listed);
    EXECUTE format('CREATE TRIGGER note_update BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION note_update_and_day()',
        listed);
    EXECUTE format('CREATE INDEX %I ON %I (organisation_id, updated_day, id)', listed || '_by_update', listed);
END $$;

CREATE FUNCTION pg_temp.note_updates(listed text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now()', listed);
    EXECUTE format('ALTER TABLE %I ALTER COLUMN updated_at SET DEFAULT clock_timestamp()', listed);
    EXECUTE format('CREATE TRIGGER note_update BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION note_update()', listed);
END $$;

-- All tables are locked at once, or none of them is: whoever waited for one while it held another could wait for a
-- service's transaction that waits for it.
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '100ms', true);
    FOR attempt IN 1..200 LOOP
        BEGIN
            LOCK TABLE courses, sessions, labels_totals, projects_totals IN ACCESS EXCLUSIVE MODE;
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            IF attempt = 200 THEN
                RAISE;
            END IF;
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', '0', true);
END $$;

SELECT pg_temp.note_updates_and_days('courses');
SELECT pg_temp.note_updates_and_days('sessions');
SELECT pg_temp.note_updates('labels_totals');
SELECT pg_temp.note_updates('projects_totals');
SELECT pg_temp.note_updates('imports');

CREATE OR REPLACE VIEW courses_in_scope AS
    SELECT organisation_id, id, title, category, delivery_mode, prerequisites, searched, updated_at, updated_day FROM courses
    WHERE (organisation_id = ANY ((SELECT organisations_in_scope())::bigint[])) IS NOT FALSE
    WITH CHECK OPTION;
