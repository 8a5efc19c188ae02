-- Days are those of the organisation's time zone (contract, section 1): its settings are copied from enrollment's events.
CREATE TABLE organisation_settings (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL,
    version integer NOT NULL,
    time_zone text NOT NULL,
    PRIMARY KEY (organisation_id, id)
);
SELECT separate_organisations('organisation_settings');

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
