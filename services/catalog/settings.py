"""Settings of the catalog's processes."""

from shared.settings import ServiceSettings


class CatalogSettings(ServiceSettings):
    """Nothing beyond what every service needs."""
