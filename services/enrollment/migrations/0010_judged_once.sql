-- What a completion is judged by: the course's pass score and months of validity as they were then, and the time zone
-- that the months are counted in. Without a time zone it was never judged.
ALTER TABLE enrollments
    ADD COLUMN judged_pass_score numeric(5, 2),
    ADD COLUMN judged_validity_months integer,
    ADD COLUMN judged_time_zone text,
    ADD COLUMN certifies boolean NOT NULL DEFAULT false;

-- Whether its person holds the course by it, as services/enrollment/validity.py says of a judged completion. A trigger
-- sets it, so that it is also right of what processes of the release before write beside this one. A generated column
-- would rewrite the table, and nobody could read it meanwhile.
CREATE FUNCTION set_certifies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.certifies := NEW.status = 'completed' AND (NEW.judged_pass_score IS NULL OR NEW.passed IS TRUE);
    RETURN NEW;
END $$;
CREATE TRIGGER certifies_when_new BEFORE INSERT ON enrollments FOR EACH ROW
    WHEN (NEW.status = 'completed') EXECUTE FUNCTION set_certifies();
CREATE TRIGGER certifies_when_changed BEFORE UPDATE ON enrollments FOR EACH ROW
    WHEN (NEW.status = 'completed' OR OLD.certifies) EXECUTE FUNCTION set_certifies();
