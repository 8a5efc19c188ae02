-- Settings are read and changed like any other document. 1 is the version of those that nobody has set.
ALTER TABLE organisation_settings ADD COLUMN version integer NOT NULL DEFAULT 2;
