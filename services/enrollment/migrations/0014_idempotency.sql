-- Refusals have no effect and are no longer kept for their `Idempotency-Key`: those of the version before are not repeated.
DELETE FROM idempotency_keys WHERE answer_status >= 400;
