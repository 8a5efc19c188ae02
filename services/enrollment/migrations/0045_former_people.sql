-- Whose a record without a session was before an import corrected it to be another person's, or they were merged: what was
-- known of somebody at a moment has it too (decision 34). The audit trail says it as well, and cannot be asked by person.
CREATE TABLE former_people (
    organisation_id bigint NOT NULL,
    employee_id bigint NOT NULL,
    record_id bigint NOT NULL,
    PRIMARY KEY (organisation_id, employee_id, record_id)
);
SELECT separate_organisations('former_people');

-- A trigger, so that it is also right of what processes of the release before write beside this one.
CREATE FUNCTION note_former_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO former_people VALUES (OLD.organisation_id, OLD.employee_id, OLD.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

-- The lock is waited for in short pieces: whoever waits for it holds up all others who come after.
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '100ms', true);
    FOR attempt IN 1..200 LOOP
        BEGIN
            LOCK TABLE external_records IN SHARE ROW EXCLUSIVE MODE;
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            IF attempt = 200 THEN
                RAISE;
            END IF;
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', '0', true);
END $$;
CREATE TRIGGER note_former_person AFTER UPDATE OF employee_id ON external_records FOR EACH ROW
    WHEN (OLD.employee_id <> NEW.employee_id) EXECUTE FUNCTION note_former_person();
