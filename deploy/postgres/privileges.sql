-- What a service's two roles may do in its database. Run as superuser, in that database, in a session that has set
-- muster.owner and muster.service. Can be repeated.
DO $$
DECLARE
    owner text := current_setting('muster.owner');
    service text := current_setting('muster.service');
    database text := current_database();
BEGIN
    -- Earlier versions had one role, which owned everything.
    EXECUTE format('REASSIGN OWNED BY %I TO %I', service, owner);
    EXECUTE format('ALTER DATABASE %I OWNER TO %I', database, owner);

    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC, %I', database, service);
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', database, service);
    EXECUTE format('REVOKE ALL ON SCHEMA public FROM PUBLIC, %I', service);
    EXECUTE format('GRANT ALL ON SCHEMA public TO %I', owner);
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', service);

    -- What is there already.
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, %I', service);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %I', service);
    EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, %I', service);
    EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO %I', service);
    EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, %I', service);
    -- Those of extensions belong to neither.
    EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO %I, %I', owner, service);

    -- What migrations are yet to make, in any schema.
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', owner, service);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT USAGE ON SEQUENCES TO %I', owner, service);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC', owner);
    EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT EXECUTE ON FUNCTIONS TO %I', owner, service);
END
$$;
