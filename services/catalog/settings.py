"""Settings of the catalog's processes."""

from shared.settings import ServiceSettings


class CatalogSettings(ServiceSettings):
    enrollment_url: str
    """Base address of enrollment, which owns the seats: asked before a session gets fewer of them or is deleted."""
