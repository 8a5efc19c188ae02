"""Settings of the catalog's processes."""

from shared.settings import ServiceSettings


class CatalogSettings(ServiceSettings):
    enrollment_url: str
    """Base URL of enrollment, which owns the seats: it has to agree before a session loses seats or is deleted."""
    delivery_url: str | None = None
    """Base URL of delivery, which keeps the feed. Without it no list has an `X-Event-Cursor`."""
