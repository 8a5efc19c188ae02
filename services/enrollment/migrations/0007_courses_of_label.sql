-- Compliance with a label asks for its courses, of which the organisation may have many thousands.
CREATE INDEX courses_of_label ON courses USING gin (label_ids) WHERE NOT removed;
