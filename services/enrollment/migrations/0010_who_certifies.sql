CREATE INDEX enrollments_certifying ON enrollments (organisation_id, employee_id, course_id) WHERE certifies;
DROP INDEX enrollments_done;
