"""Every SQL statement of history."""
