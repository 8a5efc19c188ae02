-- A completed record is passed if enrollment says so, and not because it has a score. Until an event tells of them, rows
-- of the release before show what they showed. `scored` is for processes of that release, beside this one.
ALTER TABLE records ADD COLUMN passed boolean;
UPDATE records SET passed = status = 'completed' WHERE status = 'failed' OR (status = 'completed' AND scored);
