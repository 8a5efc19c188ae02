-- Who changed which course or session, when, from what to what: one line for each version, kept when the row is deleted.
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
