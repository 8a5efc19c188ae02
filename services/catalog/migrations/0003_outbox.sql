-- Events that nobody in the house follows may route nowhere without being held back.
ALTER TABLE outbox ADD COLUMN must_route boolean NOT NULL DEFAULT true;
