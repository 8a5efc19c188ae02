CREATE FUNCTION training_timestamp(moment timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- Copies of what the catalog owns: as much of it as enrolling needs.
CREATE TABLE courses (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL,
    version integer NOT NULL,
    title text NOT NULL,
    pass_score numeric(5, 2),
    validity_months integer,
    prerequisites bigint[] NOT NULL,
    PRIMARY KEY (organisation_id, id)
);

-- The seats are decided here: one row holds the state of the session, its capacity and what is taken of it, so
-- that one lock covers all that a decision rests on. The catalog's own count is a projection.
CREATE TABLE sessions (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL,
    version integer NOT NULL,
    course_id bigint NOT NULL,
    start_date timestamptz NOT NULL,
    location text,
    status text NOT NULL,
    seats_max integer NOT NULL,
    seats_taken integer NOT NULL DEFAULT 0,
    PRIMARY KEY (organisation_id, id),
    CONSTRAINT seats_never_oversold CHECK (seats_taken BETWEEN 0 AND seats_max)
) WITH (fillfactor = 50);

CREATE TABLE people (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL,
    version integer NOT NULL DEFAULT 1,
    type text NOT NULL,
    employee_id text NOT NULL,
    full_name text NOT NULL,
    company_id bigint,
    company_name text,
    created_at timestamptz NOT NULL,
    removed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (organisation_id, id)
);

CREATE INDEX people_of_company ON people (organisation_id, company_id, id) WHERE company_id IS NOT NULL;

CREATE SEQUENCE enrollment_ids;

CREATE TABLE enrollments (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL DEFAULT nextval('enrollment_ids'),
    version integer NOT NULL DEFAULT 1,
    session_id bigint NOT NULL,
    course_id bigint NOT NULL,
    employee_id bigint NOT NULL,
    status text NOT NULL,
    score numeric(5, 2),
    passed boolean,
    feedback text,
    certificate_url text,
    enrolled_at timestamptz NOT NULL,
    completed_at timestamptz,
    valid_until timestamptz,
    checked_in_at timestamptz,
    check_in_method text,
    PRIMARY KEY (organisation_id, id),
    FOREIGN KEY (organisation_id, session_id) REFERENCES sessions,
    FOREIGN KEY (organisation_id, employee_id) REFERENCES people
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX enrolled_once ON enrollments (organisation_id, session_id, employee_id)
    WHERE status <> 'cancelled';
CREATE INDEX enrollments_of_employee ON enrollments (organisation_id, employee_id, id);
CREATE INDEX enrollments_of_session ON enrollments (organisation_id, session_id, id);
CREATE INDEX enrollments_of_course ON enrollments (organisation_id, course_id, id);

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
