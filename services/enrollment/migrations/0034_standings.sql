-- What each person lacks of what is asked of them (contract, section 4). It follows from requirements, people, completions
-- and time, and is kept beside them, so that it is known who loses clearance or gains it, and when. A worker writes it;
-- `version` counts the events, and `look_at` is when time alone may change the row.
CREATE TABLE clearances (
    organisation_id bigint NOT NULL,
    employee_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS (employee_id) STORED,
    version integer NOT NULL DEFAULT 0,
    lacking bigint[] NOT NULL DEFAULT '{}',
    in_grace bigint[] NOT NULL DEFAULT '{}',
    -- What meets them ends within 90 days; `ending_at` has the moments in the same order.
    ending bigint[] NOT NULL DEFAULT '{}',
    ending_at timestamptz[] NOT NULL DEFAULT '{}',
    look_at timestamptz,
    company_id bigint,
    PRIMARY KEY (organisation_id, employee_id)
);
CREATE INDEX clearances_lacking ON clearances USING gin (lacking) WHERE lacking <> '{}';
CREATE INDEX clearances_to_look_at ON clearances (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX clearances_of_organisation_to_look_at ON clearances (organisation_id, look_at) WHERE look_at IS NOT NULL;
SELECT separate_organisations('clearances');

-- People about whom something has changed that the worker has not looked at yet; NULL is everybody. Rows are only added and
-- taken, so that nobody waits for whoever changes the same person, or looks at them.
CREATE TABLE clearance_marks (
    id bigint GENERATED ALWAYS AS IDENTITY,
    organisation_id bigint NOT NULL,
    employee_id bigint,
    PRIMARY KEY (organisation_id, id)
);
SELECT separate_organisations('clearance_marks');

-- How far the worker is where it looks at everybody of an organisation: from `after` to `until`, and then again from the
-- first to `again`, if something has changed meanwhile that concerns everybody.
CREATE TABLE clearance_walks (
    organisation_id bigint PRIMARY KEY,
    after bigint NOT NULL DEFAULT 0,
    until bigint NOT NULL DEFAULT 9223372036854775807,
    again bigint NOT NULL DEFAULT 0
);
SELECT separate_organisations('clearance_walks');

-- All that one person holds; there already where clearance is asked for.
CREATE INDEX IF NOT EXISTS certifications_of_person ON certifications (organisation_id, employee_id, course_id)
    INCLUDE (valid_until);
CREATE INDEX requirements_in_use ON requirements (organisation_id) WHERE NOT removed;

-- The schema is named: functions also run where temporary tables lie over the real ones. Where an organisation asks for
-- nothing, each statement costs one look for that.
CREATE FUNCTION asks_for_something(organisation bigint) RETURNS boolean LANGUAGE sql STABLE
    RETURN EXISTS (SELECT FROM public.requirements r WHERE r.organisation_id = organisation AND NOT r.removed);

-- What somebody holds.
CREATE FUNCTION mark_holders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO public.clearance_marks (organisation_id, employee_id)
        SELECT DISTINCT organisation_id, employee_id FROM old_rows
        WHERE organisation_id IN (
            SELECT organisation_id FROM (SELECT DISTINCT organisation_id FROM old_rows OFFSET 0) o
            WHERE public.asks_for_something(organisation_id));
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO public.clearance_marks (organisation_id, employee_id)
        SELECT DISTINCT organisation_id, employee_id FROM new_rows
        WHERE organisation_id IN (
            SELECT organisation_id FROM (SELECT DISTINCT organisation_id FROM new_rows OFFSET 0) o
            WHERE public.asks_for_something(organisation_id));
    ELSE
        INSERT INTO public.clearance_marks (organisation_id, employee_id)
        SELECT DISTINCT n.organisation_id, n.employee_id
        FROM new_rows n JOIN old_rows o USING (organisation_id, course_id, employee_id)
        WHERE (n.enrollment_id, n.completed_at, n.valid_until)
                IS DISTINCT FROM (o.enrollment_id, o.completed_at, o.valid_until)
            AND n.organisation_id IN (
                SELECT organisation_id FROM (SELECT DISTINCT organisation_id FROM new_rows OFFSET 0) r
                WHERE public.asks_for_something(organisation_id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER mark_on_insert AFTER INSERT ON certifications REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_holders();
CREATE TRIGGER mark_on_update AFTER UPDATE ON certifications REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_holders();
CREATE TRIGGER mark_on_delete AFTER DELETE ON certifications REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_holders();

-- Who somebody is, and whether they are there.
CREATE FUNCTION mark_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.clearance_marks (organisation_id, employee_id)
        SELECT organisation_id, id FROM new_rows
        WHERE organisation_id IN (
            SELECT organisation_id FROM (SELECT DISTINCT organisation_id FROM new_rows OFFSET 0) o
            WHERE public.asks_for_something(organisation_id));
    ELSE
        INSERT INTO public.clearance_marks (organisation_id, employee_id)
        SELECT n.organisation_id, n.id FROM new_rows n JOIN old_rows o USING (organisation_id, id)
        WHERE (n.type, n.company_id, n.created_at, n.removed) IS DISTINCT FROM (o.type, o.company_id, o.created_at, o.removed)
            AND n.organisation_id IN (
                SELECT organisation_id FROM (SELECT DISTINCT organisation_id FROM new_rows OFFSET 0) r
                WHERE public.asks_for_something(organisation_id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER mark_on_insert AFTER INSERT ON people REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_people();
CREATE TRIGGER mark_on_update AFTER UPDATE ON people REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_people();

-- What is asked. A requirement of named people concerns these alone.
CREATE FUNCTION mark_concerned() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named bigint[] := NEW.employee_ids;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        named := named || OLD.employee_ids;
        IF OLD.employee_ids IS NULL THEN
            named := NULL;
        END IF;
    END IF;
    IF NEW.employee_ids IS NULL OR named IS NULL THEN
        INSERT INTO public.clearance_marks (organisation_id) VALUES (NEW.organisation_id);
    ELSE
        INSERT INTO public.clearance_marks (organisation_id, employee_id)
        SELECT DISTINCT NEW.organisation_id, each FROM unnest(named) AS each;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER mark_on_insert AFTER INSERT ON requirements FOR EACH ROW EXECUTE FUNCTION mark_concerned();
CREATE TRIGGER mark_on_update AFTER UPDATE ON requirements FOR EACH ROW WHEN (
    (OLD.company_ids, OLD.person_types, OLD.employee_ids, OLD.course_ids, OLD.label_ids, OLD.grace_days, OLD.valid_from,
        OLD.valid_to, OLD.removed, OLD.created_at)
    IS DISTINCT FROM
    (NEW.company_ids, NEW.person_types, NEW.employee_ids, NEW.course_ids, NEW.label_ids, NEW.grace_days, NEW.valid_from,
        NEW.valid_to, NEW.removed, NEW.created_at)
) EXECUTE FUNCTION mark_concerned();

-- Which courses carry a label that is asked for.
CREATE FUNCTION mark_labelled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.clearance_marks (organisation_id)
        SELECT DISTINCT n.organisation_id FROM new_rows n JOIN public.requirements r
            ON r.organisation_id = n.organisation_id AND NOT r.removed AND r.label_ids && n.label_ids
        WHERE NOT n.removed;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO public.clearance_marks (organisation_id)
        SELECT DISTINCT o.organisation_id FROM old_rows o JOIN public.requirements r
            ON r.organisation_id = o.organisation_id AND NOT r.removed AND r.label_ids && o.label_ids
        WHERE NOT o.removed;
    ELSE
        INSERT INTO public.clearance_marks (organisation_id)
        SELECT DISTINCT n.organisation_id
        FROM new_rows n JOIN old_rows o USING (organisation_id, id)
        JOIN public.requirements r
            ON r.organisation_id = n.organisation_id AND NOT r.removed AND r.label_ids && (n.label_ids || o.label_ids)
        WHERE (n.label_ids, n.removed) IS DISTINCT FROM (o.label_ids, o.removed);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER mark_on_insert AFTER INSERT ON courses REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_labelled();
CREATE TRIGGER mark_on_update AFTER UPDATE ON courses REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_labelled();
CREATE TRIGGER mark_on_delete AFTER DELETE ON courses REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION mark_labelled();

-- When days begin and end.
CREATE FUNCTION mark_everybody() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.clearance_marks (organisation_id)
    SELECT NEW.organisation_id WHERE public.asks_for_something(NEW.organisation_id);
    RETURN NULL;
END $$;
CREATE TRIGGER mark_on_insert AFTER INSERT ON organisation_settings FOR EACH ROW EXECUTE FUNCTION mark_everybody();
CREATE TRIGGER mark_on_update AFTER UPDATE ON organisation_settings FOR EACH ROW
    WHEN (OLD.time_zone IS DISTINCT FROM NEW.time_zone) EXECUTE FUNCTION mark_everybody();
