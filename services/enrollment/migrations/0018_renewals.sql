-- A course may say how many days before its end a certificate can be renewed without losing the rest of it (contract,
-- section 4): what is completed then is valid from the end of the certificate that was held. A completion keeps both.
ALTER TABLE courses ADD COLUMN renewal_window_days integer;
ALTER TABLE enrollments
    ADD COLUMN judged_renewal_window_days integer,
    ADD COLUMN judged_held_until timestamptz;

-- In a session of a self-paced course somebody whose record is final may be enrolled again: one record of a person in a
-- session is open, and any number are final. Each final one counts as itself, so that the index still finds all of them.
CREATE UNIQUE INDEX enrolled_again ON enrollments (organisation_id, session_id, employee_id,
    (CASE WHEN status IN ('enrolled', 'waitlisted') THEN 0 ELSE id END)) WHERE status <> 'cancelled';
DROP INDEX enrolled_once;
ALTER INDEX enrolled_again RENAME TO enrolled_once;
