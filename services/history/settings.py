"""Settings of the history's processes."""

from shared.settings import ServiceSettings


class HistorySettings(ServiceSettings):
    """The owners' base addresses are needed by `verify` and `rebuild` alone: to serve, history asks nobody."""

    catalog_url: str | None = None
    enrollment_url: str | None = None
