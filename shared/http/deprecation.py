"""What every answer of a route says once the route should not be used any more: `Deprecation` and `Sunset`."""

from datetime import UTC, date, datetime, time
from email.utils import format_datetime


def deprecation_lines(deprecated: date | None, sunset: date | None) -> str:
    """Header lines, each with its end, by RFC 9745 and RFC 8594; a day is meant from its beginning in UTC.

    Raises `ValueError` for a route that is gone before it is deprecated (RFC 9745, section 4).
    """
    if deprecated is not None and sunset is not None and sunset < deprecated:
        raise ValueError(f"The sunset {sunset} is before {deprecated}, when the route is deprecated.")
    since = "" if deprecated is None else f"Deprecation: @{int(_beginning(deprecated).timestamp())}\r\n"
    until = "" if sunset is None else f"Sunset: {format_datetime(_beginning(sunset), usegmt=True)}\r\n"
    return since + until


def _beginning(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
