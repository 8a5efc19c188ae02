"""Settings of the catalog's processes."""

from shared.settings import ServiceSettings


class CatalogSettings(ServiceSettings):
    enrollment_url: str
    """Base URL of enrollment, which owns the seats: it has to agree before a session loses seats or is deleted."""
