-- A walk goes by the id, and finds few sessions of a status among many others. The index of pages has the start before it.
CREATE INDEX sessions_of_status ON sessions (organisation_id, status, id);
