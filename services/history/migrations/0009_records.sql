-- The list of all people's records walks the newest of them in two indexes: what is completed by its completion, the
-- rest by when its session starts.
CREATE INDEX records_by_completion ON records (organisation_id, completed_at DESC, id) WHERE completed_at IS NOT NULL;
CREATE INDEX records_not_completed ON records (organisation_id, session_id, id) WHERE completed_at IS NULL;
CREATE INDEX sessions_by_start ON sessions (organisation_id, start_date DESC, id);
-- Whom those see who look after a company.
CREATE INDEX people_of_company ON people (organisation_id, company_id, id) WHERE NOT removed;
