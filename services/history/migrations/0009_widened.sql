-- All tables are locked at once, or none of them is: whoever waited for one while it held another could wait for a
-- service's transaction that waits for it.
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '100ms', true);
    FOR attempt IN 1..200 LOOP
        BEGIN
            LOCK TABLE courses, sessions, records IN ACCESS EXCLUSIVE MODE;
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            IF attempt = 200 THEN
                RAISE;
            END IF;
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', '0', true);
END $$;

-- For the list of trainings: what else it shows of courses and sessions, and who takes a seat. Rows that were copied before
-- have none of it until their next event, or until they are rebuilt: a session that has no course here is not listed.
ALTER TABLE courses
    ADD COLUMN description text,
    ADD COLUMN removed boolean NOT NULL DEFAULT false;
ALTER TABLE sessions
    ADD COLUMN course_id bigint,
    ADD COLUMN max_participants integer,
    ADD COLUMN status text,
    ADD COLUMN enrollment_opens_at timestamptz,
    ADD COLUMN enrollment_closes_at timestamptz,
    ADD COLUMN removed boolean NOT NULL DEFAULT false;
ALTER TABLE records ADD COLUMN holds_seat boolean;

CREATE INDEX sessions_of_course ON sessions (organisation_id, course_id, start_date);
CREATE INDEX records_of_session ON records (organisation_id, session_id, employee_id);

CREATE OR REPLACE FUNCTION pg_temp.note_updates_and_days(listed text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),'
        ' ADD COLUMN updated_day date NOT NULL DEFAULT (now() AT TIME ZONE ''UTC'')::date', listed);
    EXECUTE format('ALTER TABLE %I ALTER COLUMN updated_at SET DEFAULT clock_timestamp(),'
        ' ALTER COLUMN updated_day SET DEFAULT (clock_timestamp() AT TIME ZONE ''UTC'')::date', listed);
    EXECUTE format('CREATE TRIGGER note_update BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION note_update_and_day()',
        listed);
    EXECUTE format('CREATE INDEX %I ON %I (organisation_id, updated_day, id)', listed || '_by_update', listed);
END $$;

-- Trainings have changed since a moment when their course, their session or a record of it has.
SELECT pg_temp.note_updates_and_days('courses');
SELECT pg_temp.note_updates_and_days('sessions');
