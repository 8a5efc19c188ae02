"""Every SQL statement of enrollment, by what it is about."""
