-- An `employee_id` is one person's. Not a unique index: what an existing database has more than once stays, until the
-- organisation has corrected it (`python -m services.enrollment shared-employee-ids` lists it).
CREATE INDEX people_by_employee_id ON people (organisation_id, lower(btrim(employee_id))) WHERE NOT removed;
