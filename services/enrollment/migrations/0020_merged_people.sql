-- Whoever turned out to be somebody else is removed, and says who that is.
ALTER TABLE people ADD COLUMN merged_into bigint;
