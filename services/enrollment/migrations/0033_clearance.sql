-- Clearance asks for all that one person holds, and for sessions of a course that are still to come.
CREATE INDEX certifications_of_person ON certifications (organisation_id, employee_id, course_id) INCLUDE (valid_until);
CREATE INDEX sessions_to_come ON sessions (organisation_id, course_id, start_date) WHERE status = 'scheduled';
