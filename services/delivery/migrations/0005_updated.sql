-- When a row was changed last, by the clock of the database: `updated_since` of its list asks for it. Processes of the
-- release before need not know of it. Rows that are there already count as changed now.
CREATE FUNCTION note_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
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
            LOCK TABLE webhook_messages, webhooks IN ACCESS EXCLUSIVE MODE;
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            IF attempt = 200 THEN
                RAISE;
            END IF;
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', '0', true);
END $$;

SELECT pg_temp.note_updates('webhook_messages');

-- `updated_at` of a webhook is when somebody changed it last. That it fails, or works again, is a change of what is shown too.
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_at := clock_timestamp();
    RETURN NEW;
END $$;
ALTER TABLE webhooks ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE webhooks ALTER COLUMN changed_at SET DEFAULT clock_timestamp();
CREATE TRIGGER note_change BEFORE UPDATE ON webhooks FOR EACH ROW EXECUTE FUNCTION note_change();
