-- How many events there were of a credential: one as it was issued, one as it was revoked. Triggers revoke them (decision
-- 33), and a worker publishes it, also what processes of the release before issue. What was issued and revoked until now
-- is not published any more.
ALTER TABLE credentials ADD COLUMN told smallint NOT NULL DEFAULT 1;
UPDATE credentials SET told = 2 WHERE revoked_at IS NOT NULL;
ALTER TABLE credentials ALTER COLUMN told SET DEFAULT 0;
CREATE INDEX credentials_to_tell ON credentials (organisation_id, id) WHERE told < CASE WHEN revoked_at IS NULL THEN 1 ELSE 2 END;
