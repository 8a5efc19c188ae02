"""The catalog's use cases: one transaction each, with its event."""
