-- Events in bulk, those of an import, are published at a pace of their own. A transaction says that its events are such,
-- so that nothing in between has to. Processes of the release before publish them with all others, and look for these in
-- the index that was there.
ALTER TABLE outbox ADD COLUMN bulk boolean NOT NULL DEFAULT false;
ALTER TABLE outbox ALTER COLUMN bulk SET DEFAULT coalesce(current_setting('muster.bulk', true) = 'on', false);
CREATE INDEX outbox_waiting_alone ON outbox (id) WHERE published_at IS NULL AND NOT bulk;
CREATE INDEX outbox_waiting_in_bulk ON outbox (organisation_id, id) WHERE published_at IS NULL AND bulk;
