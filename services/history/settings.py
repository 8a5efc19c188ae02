"""Settings of the history's processes."""

from shared.settings import ServiceSettings


class HistorySettings(ServiceSettings):
    """Nothing beyond what every service needs."""
