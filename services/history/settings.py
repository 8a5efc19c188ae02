"""Settings of history's processes."""

from shared.settings import ServiceSettings


class HistorySettings(ServiceSettings):
    """Only `verify` and `rebuild` need the base URLs of the owners; a process that serves asks nobody."""

    catalog_url: str | None = None
    enrollment_url: str | None = None
