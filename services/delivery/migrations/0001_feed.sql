-- Row-level security (decision 10): see the catalog's migration 0006.
CREATE FUNCTION organisations_in_scope() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('muster.organisations', true), '{NULL}')::bigint[];

CREATE FUNCTION separate_organisations(listed regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', listed);
    EXECUTE format('CREATE POLICY organisations_in_scope ON %s'
        ' USING ((organisation_id = ANY ((SELECT organisations_in_scope())::bigint[])) IS NOT FALSE)', listed);
END $$;

CREATE FUNCTION training_timestamp(moment timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- What is true of the whole feed. A position is a transaction's id and this offset: a copy of the database in another
-- cluster begins with lower ids, and gets a higher offset.
CREATE TABLE feed_state (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    position_offset bigint NOT NULL DEFAULT 0
);
INSERT INTO feed_state DEFAULT VALUES;

CREATE FUNCTION feed_position(transaction xid8) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT position_offset FROM public.feed_state) + transaction::text::bigint;

-- By the day on which an event was taken in.
CREATE TABLE events (
    organisation_id bigint NOT NULL,
    position bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    day date NOT NULL DEFAULT (statement_timestamp() AT TIME ZONE 'UTC')::date,
    event_id uuid NOT NULL,
    type text NOT NULL,
    body text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    PRIMARY KEY (organisation_id, position, id, day)
) PARTITION BY RANGE (day);
SELECT separate_organisations('events');

-- For events of a day without a partition of its own.
CREATE TABLE events_of_other_days PARTITION OF events DEFAULT;
SELECT separate_organisations('events_of_other_days');

-- What was taken in already. An event may be delivered again on another day, so this is not a part of `events`.
CREATE TABLE event_ids (
    organisation_id bigint NOT NULL,
    event_id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    PRIMARY KEY (organisation_id, event_id)
);
CREATE INDEX event_ids_by_age ON event_ids (received_at);
SELECT separate_organisations('event_ids');

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    organisation_id bigint NOT NULL,
    routing_key text NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    retry_at timestamptz,
    published_at timestamptz,
    must_route boolean NOT NULL DEFAULT true
);
CREATE INDEX outbox_waiting ON outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
SELECT separate_organisations('outbox');

CREATE TABLE idempotency_keys (
    organisation_id bigint NOT NULL,
    subject text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    body_sha256 bytea NOT NULL,
    answer_status smallint NOT NULL,
    answer_headers jsonb NOT NULL,
    answer_body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_id, subject, route, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
SELECT separate_organisations('idempotency_keys');

CREATE TABLE audit_trail (
    organisation_id bigint NOT NULL,
    kind text NOT NULL,
    id bigint NOT NULL,
    version integer NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    action text NOT NULL,
    actor_subject text NOT NULL,
    actor_name text NOT NULL,
    request_id text NOT NULL,
    changes jsonb NOT NULL,
    PRIMARY KEY (organisation_id, kind, id, version)
);
SELECT separate_organisations('audit_trail');

-- Where events come from: see the catalog's migration 0015.
CREATE TABLE installation (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    name text NOT NULL DEFAULT gen_random_uuid()::text CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    public_url text CHECK (public_url ~ '^https?://[A-Za-z0-9._~:/@!$&''()*+,;=%\[\]-]+$')
);
INSERT INTO installation DEFAULT VALUES;
