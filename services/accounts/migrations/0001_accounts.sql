CREATE FUNCTION training_timestamp(moment timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- Row-level security (decision 10): see the catalog's migration 0006.
CREATE FUNCTION organisations_in_scope() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('muster.organisations', true), '{NULL}')::bigint[];

CREATE FUNCTION separate_organisations(listed regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', listed);
    EXECUTE format('CREATE POLICY organisations_in_scope ON %s'
        ' USING ((organisation_id = ANY ((SELECT organisations_in_scope())::bigint[])) IS NOT FALSE)', listed);
END $$;

CREATE TABLE organisations (
    organisation_id bigint PRIMARY KEY,
    version integer NOT NULL DEFAULT 1,
    name text NOT NULL,
    suspended_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
SELECT separate_organisations('organisations');

-- Of organisations that are made here. Those that only an outside provider knows have ids of its choice, and have data in
-- the other services already: nobody else chooses ids from these on, so that no new organisation gets one of them.
CREATE SEQUENCE organisation_ids MINVALUE 2000000000001 MAXVALUE 2999999999999;

CREATE SEQUENCE user_ids;

-- Tokens issued until cut_off_at are refused. An address belongs to one user of the installation: with it one signs in.
CREATE TABLE users (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL DEFAULT nextval('user_ids'),
    version integer NOT NULL DEFAULT 1,
    name text NOT NULL,
    email text NOT NULL,
    email_key text NOT NULL,
    role text NOT NULL,
    user_type text NOT NULL DEFAULT 'staff',
    employee_id bigint,
    company_ids bigint[] NOT NULL DEFAULT '{}',
    password_hash text,
    disabled_at timestamptz,
    cut_off_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_id, id),
    CONSTRAINT email_taken UNIQUE (email_key),
    CONSTRAINT user_id_taken UNIQUE (id)
);
SELECT separate_organisations('users');

-- Names and addresses are found in any spelling: see the catalog's migrations 0005 and 0010.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS unaccent;
    CREATE FUNCTION searchable(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $f$
    BEGIN
        RETURN lower(public.unaccent('public.unaccent', normalize(value, NFC)));
    END $f$;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE WARNING 'searches distinguish accents: %', SQLERRM;
    CREATE FUNCTION searchable(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $f$
    BEGIN
        RETURN lower(normalize(value, NFC));
    END $f$;
END $$;

CREATE FUNCTION containing(word text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN '%' || regexp_replace(searchable(word), '([\\%_])', '\\\1', 'g') || '%';

ALTER TABLE users
    ADD COLUMN searched text GENERATED ALWAYS AS (searchable(name || ' ' || email)) STORED,
    ADD COLUMN status text GENERATED ALWAYS AS (CASE WHEN disabled_at IS NOT NULL THEN 'disabled'
        WHEN password_hash IS NULL THEN 'invited' ELSE 'active' END) STORED;

ALTER TABLE organisations
    ADD COLUMN searched text GENERATED ALWAYS AS (searchable(name)) STORED,
    ADD COLUMN status text GENERATED ALWAYS AS (CASE WHEN suspended_at IS NULL THEN 'active' ELSE 'suspended' END) STORED;

DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE EXTENSION IF NOT EXISTS btree_gin;
    CREATE INDEX users_by_part_of_text ON users USING gin (organisation_id, searched gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
    RAISE WARNING 'no index for searching in users: %', SQLERRM;
END $$;

-- A search can use its index in a view alone (decision 10).
CREATE VIEW users_in_scope AS
    SELECT organisation_id, id, role, status, searched FROM users
    WHERE (organisation_id = ANY ((SELECT organisations_in_scope())::bigint[])) IS NOT FALSE
    WITH CHECK OPTION;

-- One-time links with which a user sets their password; of the token its SHA-256.
CREATE TABLE invitations (
    organisation_id bigint NOT NULL,
    user_id bigint NOT NULL,
    token_digest bytea NOT NULL PRIMARY KEY,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    replaced_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (organisation_id, user_id) REFERENCES users ON DELETE CASCADE
);
CREATE INDEX invitations_of_user ON invitations (organisation_id, user_id);
SELECT separate_organisations('invitations');

-- Opaque tokens, each good once: a family is what came of one login. Of the token its SHA-256.
CREATE TABLE refresh_tokens (
    organisation_id bigint NOT NULL,
    user_id bigint NOT NULL,
    family uuid NOT NULL,
    token_digest bytea NOT NULL PRIMARY KEY,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    ended_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (organisation_id, user_id) REFERENCES users ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_of_user ON refresh_tokens (organisation_id, user_id);
CREATE INDEX refresh_tokens_of_family ON refresh_tokens (organisation_id, family);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);
SELECT separate_organisations('refresh_tokens');

CREATE SEQUENCE client_ids;

-- Programs. Of secrets their SHA-256: they have 256 random bits, and need no slow hash.
CREATE TABLE clients (
    organisation_id bigint NOT NULL,
    id bigint NOT NULL DEFAULT nextval('client_ids'),
    version integer NOT NULL DEFAULT 1,
    client_id text NOT NULL,
    name text NOT NULL,
    permissions text[] NOT NULL,
    company_ids bigint[] NOT NULL DEFAULT '{}',
    rate_limit integer,
    secret_digest bytea NOT NULL,
    previous_digest bytea,
    previous_until timestamptz,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    cut_off_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_id, id),
    CONSTRAINT client_id_taken UNIQUE (client_id)
);
SELECT separate_organisations('clients');

-- Private halves are encrypted (secrets_at_rest.py). Published until retired; the one promoted last signs.
-- tokens_until: when the last token expires that a command made with the key, or that came with it from elsewhere.
CREATE TABLE signing_keys (
    key_id text PRIMARY KEY,
    algorithm text NOT NULL,
    private_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    promoted_at timestamptz,
    retired_at timestamptz,
    tokens_until timestamptz
);

-- Tokens that are refused before they expire; the gateways read it from where they are (store/revocations.py).
CREATE TABLE revocations (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    issuer text,
    organisation_id bigint NOT NULL,
    subject text,
    before bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX revocations_by_time ON revocations (created_at);
CREATE INDEX revocations_of_organisation ON revocations (organisation_id, seq) WHERE kind <> 'subject';
CREATE INDEX revocations_of_subject ON revocations (organisation_id, subject);
SELECT separate_organisations('revocations');

-- Attempts to sign in that failed. What was typed is not kept: `account` is a digest of it.
CREATE TABLE failed_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account bytea NOT NULL,
    address text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX failed_attempts_of_account ON failed_attempts (account, failed_at);
CREATE INDEX failed_attempts_of_address ON failed_attempts (address, failed_at);

-- Addresses from which an account has signed in.
CREATE TABLE known_addresses (
    account bytea NOT NULL,
    address text NOT NULL,
    last_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, address)
);
CREATE INDEX known_addresses_by_time ON known_addresses (last_at);

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
