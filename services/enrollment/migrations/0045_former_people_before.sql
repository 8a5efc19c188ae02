-- Those of before the trigger, as the audit trail has them. Nothing is locked meanwhile.
INSERT INTO former_people (organisation_id, employee_id, record_id)
SELECT DISTINCT organisation_id, (changes -> 'employee_id' ->> 'from')::bigint, id FROM audit_trail
WHERE kind = 'record' AND version > 1 AND changes -> 'employee_id' ->> 'from' IS NOT NULL
ON CONFLICT DO NOTHING;
