-- Whoever watches a session sees its seats change (contract, section 10). Triggers number the changes and send them, so
-- that changes made by processes of the release before are among them.
ALTER TABLE sessions
    ADD COLUMN seats_version integer NOT NULL DEFAULT 1,
    ADD COLUMN seats_changed_by xid8;

-- What watchers are shown of a session. The names are those of the catalog's session.
CREATE VIEW live_seats WITH (security_invoker = true) AS
    SELECT s.organisation_id, s.id, s.seats_version AS version, s.removed, json_build_object(
        'session_id', s.id, 'version', s.seats_version, 'status', s.status, 'max_participants', s.seats_max,
        'enrolled_count', s.seats_taken, 'available_spots', greatest(s.seats_max - s.seats_taken, 0),
        'waiting', (
            SELECT count(*) FROM enrollments e
            WHERE e.organisation_id = s.organisation_id AND e.session_id = s.id AND e.status = 'waitlisted')
    ) AS seats
    FROM sessions s;

-- All of it when the transaction commits, so that its changes of one session are one. Whoever takes or gives back seats
-- has numbered the change already, and saves a statement. No trigger before the update does it: PostgreSQL would compute
-- the generated columns anew each time.
CREATE FUNCTION send_seats() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NEW.seats_changed_by IS DISTINCT FROM pg_current_xact_id() THEN
        UPDATE sessions SET seats_version = seats_version + 1, seats_changed_by = pg_current_xact_id()
        WHERE organisation_id = NEW.organisation_id AND id = NEW.id
            AND seats_changed_by IS DISTINCT FROM pg_current_xact_id();
    END IF;
    PERFORM pg_notify('live_seats', to_json(live)::text) FROM live_seats live
    WHERE organisation_id = NEW.organisation_id AND id = NEW.id;
    RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER seats_changed AFTER UPDATE ON sessions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((NEW.seats_taken, NEW.seats_max, NEW.status, NEW.removed)
        IS DISTINCT FROM (OLD.seats_taken, OLD.seats_max, OLD.status, OLD.removed))
    EXECUTE FUNCTION send_seats();

-- A waitlist that changes while the seats do not. Its transaction holds the session's lock.
CREATE FUNCTION send_waiting() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    UPDATE sessions SET seats_version = seats_version + 1, seats_changed_by = pg_current_xact_id()
    WHERE organisation_id = NEW.organisation_id AND id IN (NEW.session_id, OLD.session_id)
        AND seats_changed_by IS DISTINCT FROM pg_current_xact_id();
    IF FOUND THEN
        PERFORM pg_notify('live_seats', to_json(live)::text) FROM live_seats live
        WHERE organisation_id = NEW.organisation_id AND id IN (NEW.session_id, OLD.session_id);
    END IF;
    RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER waiting_begun AFTER INSERT ON enrollments DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status = 'waitlisted') EXECUTE FUNCTION send_waiting();
CREATE CONSTRAINT TRIGGER waiting_changed AFTER UPDATE ON enrollments DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((NEW.status = 'waitlisted') <> (OLD.status = 'waitlisted')
        OR NEW.status = 'waitlisted' AND NEW.session_id <> OLD.session_id)
    EXECUTE FUNCTION send_waiting();
