-- What becomes of an enrollment in a session while its person is enrolled in another one at the same time.
ALTER TABLE organisation_settings ADD COLUMN booking_clash text NOT NULL DEFAULT 'warn';
