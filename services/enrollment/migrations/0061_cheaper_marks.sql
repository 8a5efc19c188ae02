-- The functions of 0034_standings.sql that mark whom the worker has to look at, for less. `asks_for_something` was planned
-- anew in each statement that called it; this becomes a part of the statement, and is looked up once for each organisation
-- that a statement is about.
CREATE FUNCTION asking(organisation bigint) RETURNS SETOF integer LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT 1 FROM public.requirements r WHERE r.organisation_id = organisation AND NOT r.removed LIMIT 1;
END;

CREATE OR REPLACE FUNCTION mark_holders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.clearance_marks (organisation_id, employee_id)
        SELECT DISTINCT n.organisation_id, n.employee_id
        FROM (SELECT DISTINCT organisation_id FROM new_rows) w CROSS JOIN public.asking(w.organisation_id)
        JOIN new_rows n USING (organisation_id);
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO public.clearance_marks (organisation_id, employee_id)
        SELECT DISTINCT o.organisation_id, o.employee_id
        FROM (SELECT DISTINCT organisation_id FROM old_rows) w CROSS JOIN public.asking(w.organisation_id)
        JOIN old_rows o USING (organisation_id);
    ELSE
        INSERT INTO public.clearance_marks (organisation_id, employee_id)
        SELECT DISTINCT n.organisation_id, n.employee_id
        FROM (SELECT DISTINCT organisation_id FROM new_rows) w CROSS JOIN public.asking(w.organisation_id)
        JOIN new_rows n USING (organisation_id) JOIN old_rows o USING (organisation_id, course_id, employee_id)
        WHERE (n.enrollment_id, n.completed_at, n.valid_until)
            IS DISTINCT FROM (o.enrollment_id, o.completed_at, o.valid_until);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION mark_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.clearance_marks (organisation_id, employee_id)
        SELECT n.organisation_id, n.id
        FROM (SELECT DISTINCT organisation_id FROM new_rows) w CROSS JOIN public.asking(w.organisation_id)
        JOIN new_rows n USING (organisation_id);
    ELSE
        INSERT INTO public.clearance_marks (organisation_id, employee_id)
        SELECT n.organisation_id, n.id
        FROM (SELECT DISTINCT organisation_id FROM new_rows) w CROSS JOIN public.asking(w.organisation_id)
        JOIN new_rows n USING (organisation_id) JOIN old_rows o USING (organisation_id, id)
        WHERE (n.type, n.company_id, n.created_at, n.removed) IS DISTINCT FROM (o.type, o.company_id, o.created_at, o.removed);
    END IF;
    RETURN NULL;
END $$;
