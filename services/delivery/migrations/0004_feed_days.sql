-- The feed by days: where its partitions come from and go to (decision 24). A serving role cannot change the schema, so
-- the functions that do act as the owner. They take no argument: whoever may call them can neither choose what is
-- dropped nor make more than the days ahead.

-- `floor_…`: the last event that was dropped. `cluster`: where the transaction ids that positions are made of come from.
ALTER TABLE feed_state
    ADD COLUMN floor_position bigint NOT NULL DEFAULT 0,
    ADD COLUMN floor_id bigint NOT NULL DEFAULT 0,
    ADD COLUMN cluster text;

-- With the type, so that events of other types are passed over in the index alone.
ALTER TABLE events
    DROP CONSTRAINT events_pkey,
    ADD PRIMARY KEY (organisation_id, position, id, day) INCLUDE (type);

-- What has this position or a higher one was taken in on the day or later, or in the last moments of the day before.
CREATE TABLE feed_days (
    day date PRIMARY KEY,
    position bigint NOT NULL
);

-- What a standby becomes when it is promoted has another timeline, the first part of a log file's name: it may lack the
-- last transactions, and gives their ids to others.
CREATE FUNCTION feed_cluster() RETURNS text LANGUAGE sql STABLE
    RETURN (SELECT system_identifier FROM pg_control_system())::text || '/'
        || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
UPDATE feed_state SET cluster = feed_cluster();

-- For what is being taken in. Where transaction ids begin anew nothing is, until the offset is renewed: to consumers
-- that is an outage of the database, which they wait out.
CREATE FUNCTION next_feed_position() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT cluster FROM public.feed_state) IS DISTINCT FROM public.feed_cluster() THEN
        RAISE 'the feed has positions of another cluster until it is migrated, or a worker has begun'
            USING ERRCODE = 'cannot_connect_now';
    END IF;
    RETURN public.feed_position(pg_current_xact_id());
END $$;

-- Where transaction ids begin anew, positions go on far above any that was ever given. Waits for those who write, so
-- that none of them gets in below the horizon.
CREATE FUNCTION renew_feed_offset() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    highest bigint;
BEGIN
    IF (SELECT cluster FROM feed_state) IS DISTINCT FROM feed_cluster() THEN
        highest := greatest((SELECT max(position) FROM events), (SELECT floor_position FROM feed_state));
        LOCK TABLE ONLY events IN EXCLUSIVE MODE;
        -- By more transactions than a cluster carries out between a backup and its end.
        UPDATE feed_state SET cluster = feed_cluster(), position_offset =
            greatest(position_offset, highest - pg_current_xact_id()::text::bigint) + (1::bigint << 40)
        WHERE cluster IS DISTINCT FROM feed_cluster();
    END IF;
END $$;

-- Makes the partition of one of the next days, or of one that had none in time, and moves into it what came meanwhile.
-- Returns the day; null where none is missing, or another process is at it. One at a time, so that nobody waits for long.
CREATE FUNCTION make_feed_day() RETURNS date LANGUAGE plpgsql SECURITY DEFINER
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
        LOCK TABLE ONLY events IN SHARE UPDATE EXCLUSIVE MODE;
        LOCK TABLE events_of_other_days IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('WITH moved AS (DELETE FROM events_of_other_days WHERE day = %L RETURNING *)'
            ' INSERT INTO %I SELECT * FROM moved', missing, name);
        EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, missing, missing + 1);
    END IF;
    RETURN missing;
END $$;

-- Drops the oldest day that is kept no longer, if there is one, and raises the floor with it. Returns that day.
CREATE FUNCTION drop_feed_day() RETURNS date LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    first_kept date := (statement_timestamp() AT TIME ZONE 'UTC')::date - 30;
    dropped date;
    name text;
    last_position bigint;
    last_id bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('feed days')) THEN
        RETURN NULL;
    END IF;
    SELECT min(to_date(right(relname, 8), 'YYYYMMDD')) INTO dropped
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'events'::regclass AND relname ~ '^events_[0-9]{8}$';
    IF dropped IS NULL OR dropped >= first_kept THEN
        RETURN NULL;
    END IF;
    name := to_char(dropped, '"events_"YYYYMMDD');
    EXECUTE format('SELECT position, id FROM %I ORDER BY position DESC, id DESC LIMIT 1', name)
        INTO last_position, last_id;
    EXECUTE format('DROP TABLE %I', name);
    UPDATE feed_state SET floor_position = last_position, floor_id = last_id
    WHERE (floor_position, floor_id) < (last_position, last_id);
    DELETE FROM feed_days WHERE day < first_kept - 1;
    RETURN dropped;
END $$;
