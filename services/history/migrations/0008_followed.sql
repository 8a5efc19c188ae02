-- Up to which position of the feed this service has applied every event (decision 27). `candidate` becomes `position` once
-- every consumer has confirmed `number`, which is another one whenever a consumer comes or goes.
CREATE TABLE followed (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    position bigint,
    candidate bigint,
    number bigint NOT NULL DEFAULT 0
);
INSERT INTO followed DEFAULT VALUES;

-- The channels on which the service's queue is consumed; `consumers` is how many the broker counted when one confirmed.
CREATE TABLE followers (
    channel uuid PRIMARY KEY,
    consumes boolean NOT NULL DEFAULT false,
    confirmed bigint,
    consumers integer,
    seen_at timestamptz NOT NULL DEFAULT statement_timestamp()
);
