"""What enrollment does: one transaction for each use case, with the events that tell of it."""

SOURCE = "enrollment"
"""The `source` of this service's events."""
