-- How many days before its end a certificate of the course can be renewed without losing the rest of it; null for none.
ALTER TABLE courses ADD COLUMN renewal_window_days integer;
