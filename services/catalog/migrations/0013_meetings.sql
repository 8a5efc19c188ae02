-- A session may meet on several dates (contract, section 3); its own start and end are those of the first and the last.
ALTER TABLE sessions ADD COLUMN meetings jsonb NOT NULL DEFAULT '[]';
