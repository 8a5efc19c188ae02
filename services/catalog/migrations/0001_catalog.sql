CREATE FUNCTION training_timestamp(moment timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

CREATE SEQUENCE course_ids;

-- total_sessions and the columns below it change with other rows than this one: they are no part of its version.
CREATE TABLE courses (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL DEFAULT nextval('course_ids'),
    version integer NOT NULL DEFAULT 1,
    title text NOT NULL,
    category text NOT NULL,
    delivery_mode text NOT NULL,
    duration_hours numeric(7, 2) NOT NULL,
    cost_per_participant numeric(12, 2) NOT NULL,
    provider text NOT NULL,
    provider_name text,
    description text,
    pass_score numeric(5, 2),
    validity_months integer,
    prerequisites bigint[] NOT NULL,
    labels jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    total_sessions integer NOT NULL DEFAULT 0,
    total_enrollments bigint NOT NULL DEFAULT 0,
    total_completed bigint NOT NULL DEFAULT 0,
    total_scored bigint NOT NULL DEFAULT 0,
    score_sum numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (organisation_id, id)
) WITH (fillfactor = 80);

CREATE SEQUENCE session_ids;

CREATE TABLE sessions (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL DEFAULT nextval('session_ids'),
    version integer NOT NULL DEFAULT 1,
    course_id bigint NOT NULL,
    session_name text NOT NULL,
    start_date timestamptz NOT NULL,
    end_date timestamptz NOT NULL CHECK (end_date > start_date),
    location text,
    facilitator jsonb,
    max_participants integer NOT NULL CHECK (max_participants > 0),
    status text NOT NULL,
    projects jsonb NOT NULL,
    enrolled_count integer NOT NULL DEFAULT 0,
    PRIMARY KEY (organisation_id, id),
    FOREIGN KEY (organisation_id, course_id) REFERENCES courses
) WITH (fillfactor = 80);

CREATE INDEX sessions_by_start ON sessions (organisation_id, start_date, id);
CREATE INDEX sessions_of_course ON sessions (organisation_id, course_id, start_date, id);

-- What enrollment said last of each enrollment: the counts above change by the difference to what it says next.
CREATE TABLE enrollments (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL,
    version integer NOT NULL,
    session_id bigint NOT NULL,
    course_id bigint NOT NULL,
    status text,
    score numeric(5, 2),
    PRIMARY KEY (organisation_id, id)
) WITH (fillfactor = 80);

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    organisation_id bigint NOT NULL,
    routing_key text NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    retry_at timestamptz,
    published_at timestamptz
);

CREATE INDEX outbox_waiting ON outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
