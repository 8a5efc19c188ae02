-- A waitlisted enrollment waits in the order of its id; it holds no seat, nor does a cancelled one, nor an absence
-- that was known before the session began.
ALTER TABLE enrollments ADD COLUMN holds_seat boolean;
UPDATE enrollments SET holds_seat = status <> 'cancelled';
ALTER TABLE enrollments ALTER COLUMN holds_seat SET NOT NULL;

CREATE INDEX enrollments_waiting ON enrollments (organisation_id, session_id, id) WHERE status = 'waitlisted';

-- Once enrollment has agreed to fewer seats for a version to come, no older version may bring them back.
ALTER TABLE sessions ADD COLUMN seats_agreed_for integer NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN removed boolean NOT NULL DEFAULT false;
ALTER TABLE sessions ADD COLUMN project_ids bigint[] NOT NULL DEFAULT '{}';
ALTER TABLE courses ADD COLUMN label_ids bigint[] NOT NULL DEFAULT '{}';

-- Who changed what, when, from what to what: one line for each version of an enrollment.
CREATE TABLE audit (
    organisation_id bigint NOT NULL,
    enrollment_id bigint NOT NULL,
    version integer NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    action text NOT NULL,
    actor_subject text NOT NULL,
    actor_name text NOT NULL,
    request_id text NOT NULL,
    changes jsonb NOT NULL,
    PRIMARY KEY (organisation_id, enrollment_id, version)
);

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
