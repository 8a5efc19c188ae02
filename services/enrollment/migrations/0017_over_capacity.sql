-- A coordinator may promote somebody although no seat is free (contract, section 4): the capacity stays what the catalog
-- says, and more seats can be taken than there are. Which statements may do that is said by each of them.
ALTER TABLE sessions DROP CONSTRAINT seats_never_oversold;
ALTER TABLE sessions ADD CONSTRAINT seats_never_negative CHECK (seats_taken >= 0) NOT VALID;
