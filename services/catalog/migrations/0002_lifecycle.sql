-- Whether the enrollment holds a seat: a waitlisted or cancelled one does not.
ALTER TABLE enrollments ADD COLUMN holds_seat boolean;
UPDATE enrollments SET holds_seat = status <> 'cancelled';

CREATE INDEX courses_requiring ON courses USING gin (prerequisites);

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
