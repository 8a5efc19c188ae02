-- Days are those of the organisation's time zone (contract, section 1). Its settings are told to others by events now, and
-- have the key that rows have there.
ALTER TABLE organisation_settings ADD COLUMN id bigint GENERATED ALWAYS AS (organisation_id) STORED;

-- A time zone that PostgreSQL does not know, such as one of a newer edition of the IANA database, counts as UTC: no list
-- fails for it.
CREATE FUNCTION known_zone(name text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM timestamptz 'epoch' AT TIME ZONE name;
    RETURN name;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN 'UTC';
END $$;

-- No moment before it is on that day of the time zone, or later. A clock that is set at midnight shows it twice, or never:
-- PostgreSQL takes the later of both, and the hours that the days beside it had give the earlier.
CREATE FUNCTION first_moment(day date, zone text) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    RETURN least(day::timestamp AT TIME ZONE zone, ((day - 1)::timestamp AT TIME ZONE zone) + interval '24 hours',
        ((day + 1)::timestamp AT TIME ZONE zone) - interval '24 hours');

-- A year of the time zone begins some hours before or after that of UTC: what was enrolled between the two.
CREATE INDEX enrollments_by_time ON enrollments (organisation_id, enrolled_at);
