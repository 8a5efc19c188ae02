-- The two roles of a service: one owns its database and changes the schema, the other does the service's work.
-- Run as superuser, in any database, in a session that has set muster.owner, muster.owner_password, muster.service
-- and muster.service_password. Can be repeated: a changed password arrives.
DO $$
DECLARE
    role record;
BEGIN
    FOR role IN
        VALUES (current_setting('muster.owner'), current_setting('muster.owner_password')),
            (current_setting('muster.service'), current_setting('muster.service_password'))
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role.column1) THEN
            EXECUTE format('CREATE ROLE %I', role.column1);
        END IF;
        EXECUTE format(
            'ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %L',
            role.column1, role.column2
        );
    END LOOP;
END
$$;
