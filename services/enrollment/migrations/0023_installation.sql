-- Where events come from: their `source` begins with the installation's name, their `dataschema` with its public
-- address. The database knows them, so that every process of the service tells the same ones, commands too. The name is
-- made here, and so is another one in each installation; `migrate` writes the settings INSTALLATION and PUBLIC_URL.
CREATE TABLE installation (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    name text NOT NULL DEFAULT gen_random_uuid()::text CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    public_url text CHECK (public_url ~ '^https?://[A-Za-z0-9._~:/@!$&''()*+,;=%\[\]-]+$')
);
INSERT INTO installation DEFAULT VALUES;
