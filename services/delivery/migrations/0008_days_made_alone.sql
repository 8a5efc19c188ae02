-- A day is made while nobody writes to the feed or reads it. Whoever had chosen among the partitions before and waited
-- for the one of other days was refused what belonged in the new one, and might have passed over what moved into it.
CREATE OR REPLACE FUNCTION make_feed_day() RETURNS date LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    today date := (statement_timestamp() AT TIME ZONE 'UTC')::date;
    missing date;
    name text;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('feed days')) THEN
        RETURN NULL;
    END IF;
    INSERT INTO feed_days VALUES (today, feed_position(pg_snapshot_xmax(pg_current_snapshot()))) ON CONFLICT DO NOTHING;
    SELECT min(day) INTO missing FROM (
        SELECT today + ahead AS day FROM generate_series(0, 3) AS ahead
        UNION SELECT day FROM events_of_other_days
    ) AS needed
    WHERE to_regclass(to_char(day, '"events_"YYYYMMDD')) IS NULL;
    IF missing IS NOT NULL THEN
        name := to_char(missing, '"events_"YYYYMMDD');
        EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING DEFAULTS INCLUDING INDEXES)', name);
        PERFORM separate_organisations(name::regclass);
        LOCK TABLE ONLY events IN ACCESS EXCLUSIVE MODE;
        LOCK TABLE events_of_other_days IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('WITH moved AS (DELETE FROM events_of_other_days WHERE day = %L RETURNING *)'
            ' INSERT INTO %I SELECT * FROM moved', missing, name);
        EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, missing, missing + 1);
    END IF;
    RETURN missing;
END $$;
