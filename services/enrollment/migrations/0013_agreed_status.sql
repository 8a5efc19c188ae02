-- A status that closes a session is agreed before the catalog commits it (decision 4). Until version `status_agreed_for`
-- of the session has arrived, it counts for every decision about seats.
ALTER TABLE sessions ADD COLUMN agreed_status text;
ALTER TABLE sessions ADD COLUMN status_agreed_for integer NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN status_agreed_at timestamptz;
