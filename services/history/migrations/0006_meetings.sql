-- The meetings of a session, and who attended which. No column has the name of one of another table: processes of the
-- release before read all columns of both side by side.
ALTER TABLE sessions ADD COLUMN meetings jsonb NOT NULL DEFAULT '[]';
ALTER TABLE records
    ADD COLUMN attendance jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN remembered_meetings jsonb NOT NULL DEFAULT '[]';
