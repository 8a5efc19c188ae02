-- Who was erased (decision 30): the SHA-256 of organisation and id. Events about them are taken into the feed without what
-- they say of the person.
CREATE TABLE erased_people (
    organisation_id bigint NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    erased_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_id, hash)
);
SELECT separate_organisations('erased_people');

-- Organisations whose feed is gone through for events of people who were erased, up to which place it was so far.
-- `again`: somebody was erased meanwhile.
CREATE TABLE feed_erasures (
    organisation_id bigint PRIMARY KEY,
    after_position bigint NOT NULL DEFAULT 0,
    after_id bigint NOT NULL DEFAULT 0,
    again boolean NOT NULL DEFAULT false,
    looked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT separate_organisations('feed_erasures');
