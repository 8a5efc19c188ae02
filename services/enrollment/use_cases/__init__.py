"""Enrollment's use cases: one transaction each, with its events."""

SOURCE = "enrollment"
"""The `source` of this service's events."""
