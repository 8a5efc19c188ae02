"""Every SQL statement of the catalog, by what it is about."""
