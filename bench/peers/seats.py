"""Enrolling as a transaction of three statements, which is how it is usually written: the SQL that pgbench runs.

A seat is taken if there is one, the enrollment is written, and the event goes to an outbox. Nothing else is checked.
"""

SCHEMA = """
CREATE TABLE seats (session_id bigint PRIMARY KEY, seats_max integer NOT NULL, seats_taken integer NOT NULL DEFAULT 0)
    WITH (fillfactor = 50);
CREATE TABLE enrollments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id bigint NOT NULL REFERENCES seats,
    employee_id bigint NOT NULL,
    status text NOT NULL,
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (session_id, employee_id)
);
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
"""

SESSIONS = "INSERT INTO seats (session_id, seats_max) SELECT id, 2000000000 FROM generate_series(1, {sessions}) AS id"

TRANSACTION = """
\\set session random(1, {sessions})
\\set employee random(1, 9000000000000000)
BEGIN;
UPDATE seats SET seats_taken = seats_taken + 1 WHERE session_id = :session AND seats_taken < seats_max;
INSERT INTO enrollments (session_id, employee_id, status) VALUES (:session, :employee, 'enrolled');
INSERT INTO outbox (body) VALUES (json_build_object('type', 'enrollment.created', 'session_id', :session::bigint,
    'employee_id', :employee::bigint, 'status', 'enrolled')::text);
COMMIT;
"""
