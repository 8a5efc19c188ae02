-- A session may meet on several dates (contract, section 3), and attendance is that of each meeting.
ALTER TABLE enrollments ADD COLUMN attendance jsonb NOT NULL DEFAULT '[]';

-- Of a session without meetings, from its start to its end. A process of the release before moves a start without its
-- end: what ends before it starts is no time. Timestamps in `meetings` have an offset, so that no setting changes them.
CREATE FUNCTION booked_times(meetings jsonb, starts timestamptz, ends timestamptz) RETURNS tstzmultirange
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE
    WHEN meetings = '[]' THEN CASE WHEN starts < ends THEN tstzmultirange(tstzrange(starts, ends)) END
    ELSE (
        SELECT range_agg(tstzrange((each ->> 'start_date')::timestamptz, (each ->> 'end_date')::timestamptz))
        FROM jsonb_array_elements(meetings) AS each)
END;

ALTER TABLE sessions ADD COLUMN IF NOT EXISTS end_date timestamptz;
ALTER TABLE sessions ADD COLUMN meetings jsonb NOT NULL DEFAULT '[]';
ALTER TABLE sessions
    ADD COLUMN booked tstzmultirange GENERATED ALWAYS AS (booked_times(meetings, start_date, end_date)) STORED;
