-- A session may meet on several dates (contract, section 3), and attendance is that of each meeting.
ALTER TABLE enrollments ADD COLUMN attendance jsonb NOT NULL DEFAULT '[]';

-- When a session meets; one without meetings, from its start to its end. What ends before it starts is no time, and no
-- error either. Timestamps in `meetings` have an offset, so that no setting changes what they are.
CREATE FUNCTION booked_times(meetings jsonb, starts timestamptz, ends timestamptz) RETURNS tstzmultirange
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE
    WHEN meetings = '[]' THEN CASE WHEN starts < ends THEN tstzmultirange(tstzrange(starts, ends)) END
    ELSE (
        SELECT range_agg(tstzrange(meeting.start_date, meeting.end_date))
        FROM jsonb_to_recordset(meetings) AS meeting (start_date timestamptz, end_date timestamptz)
        WHERE meeting.start_date < meeting.end_date)
END;

-- `times_version` is the version that end and meetings are from: a process of the release before leaves it behind
-- `version`, and the workers fetch what is missing. Until then nobody knows when the session meets.
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS end_date timestamptz;
ALTER TABLE sessions ADD COLUMN meetings jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN times_version integer NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN booked tstzmultirange GENERATED ALWAYS AS (
    CASE WHEN times_version = version THEN booked_times(meetings, start_date, end_date) END) STORED;

DROP INDEX sessions_without_details;
CREATE INDEX sessions_without_times ON sessions (organisation_id, id) WHERE times_version <> version;
