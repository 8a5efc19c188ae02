"""Settings of history's processes."""

from shared.settings import ServiceSettings


class HistorySettings(ServiceSettings):
    """`verify` and `rebuild` need the base URLs of the owners."""

    catalog_url: str | None = None
    enrollment_url: str | None = None
    delivery_url: str | None = None
    """Base URL of delivery, which keeps the feed. Without it no list has an `X-Event-Cursor`."""
