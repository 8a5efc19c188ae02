-- Projects of sessions. In a transaction of its own, since who waits for one table holds the lock of no other.
SELECT keep_names('projects', 'sessions', '{row}.projects', '{row}.id');
DROP FUNCTION keep_names;
