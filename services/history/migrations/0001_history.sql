CREATE FUNCTION history_timestamp(moment timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"');

-- Everything here is copied from events and can be rebuilt from its owners.
CREATE TABLE people (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL,
    version integer NOT NULL,
    type text NOT NULL,
    full_name text NOT NULL,
    company_id bigint,
    company_name text,
    removed boolean NOT NULL,
    PRIMARY KEY (organisation_id, id)
);

CREATE TABLE courses (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL,
    version integer NOT NULL,
    title text NOT NULL,
    online boolean NOT NULL,
    label_ids bigint[] NOT NULL,
    label_names jsonb NOT NULL,
    PRIMARY KEY (organisation_id, id)
);

CREATE TABLE sessions (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL,
    version integer NOT NULL,
    session_name text NOT NULL,
    start_date timestamptz NOT NULL,
    location text,
    project_ids bigint[] NOT NULL,
    project_names jsonb NOT NULL,
    PRIMARY KEY (organisation_id, id)
);

CREATE TABLE records (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL,
    version integer NOT NULL,
    employee_id bigint NOT NULL,
    session_id bigint NOT NULL,
    course_id bigint NOT NULL,
    status text NOT NULL,
    scored boolean NOT NULL,
    completed_at timestamptz,
    valid_until timestamptz,
    checked_in_at timestamptz,
    check_in_method text,
    PRIMARY KEY (organisation_id, id)
) WITH (fillfactor = 80);

CREATE INDEX records_of_employee ON records (organisation_id, employee_id, id);
