"""The totals that enrollment keeps of its lists."""

from shared.postgres.list_totals import Totals

TOTALS = (
    Totals("enrollments", ("organisation_id", "course_id", "year", "status")),
    Totals("people", ("organisation_id", "company_id", "type")),
    Totals("companies", ("organisation_id", "named_id", "name")),
)
