"""Settings of history's processes."""

from shared.settings import ServiceSettings


class HistorySettings(ServiceSettings):
    """`verify` and `rebuild` need the base URLs of the owners. A worker asks enrollment once, at its start, for the
    settings of organisations; without its URL they come by their events alone."""

    catalog_url: str | None = None
    enrollment_url: str | None = None
