-- From the first to the last moment of an enrollment's session, kept beside the enrollment: so most of somebody's
-- sessions need not be looked up to know that they are at another time. Null says that they have to be, as for all that
-- were enrolled before. The session alone decides whether two of them clash.
ALTER TABLE enrollments ADD COLUMN booked_from timestamptz, ADD COLUMN booked_until timestamptz;

CREATE FUNCTION forget_booked_times() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    NEW.booked_from = NULL;
    NEW.booked_until = NULL;
    RETURN NEW;
END $body$;
CREATE TRIGGER booked_elsewhere BEFORE UPDATE ON enrollments FOR EACH ROW
    WHEN (NEW.session_id <> OLD.session_id) EXECUTE FUNCTION forget_booked_times();

-- Whoever enrolls holds a lock on the session, so every enrollment in it is either seen here or has the new times.
CREATE FUNCTION move_booked_times() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    UPDATE enrollments SET booked_from = lower(NEW.booked), booked_until = upper(NEW.booked)
    WHERE organisation_id = NEW.organisation_id AND session_id = NEW.id AND booked_from IS NOT NULL
        AND (booked_from, booked_until) IS DISTINCT FROM (lower(NEW.booked), upper(NEW.booked));
    RETURN NULL;
END $body$;
CREATE TRIGGER booked_at_another_time AFTER UPDATE ON sessions FOR EACH ROW
    WHEN (NEW.booked IS NOT NULL AND NEW.booked IS DISTINCT FROM OLD.booked) EXECUTE FUNCTION move_booked_times();
