"""Settings of the enrollment service's processes."""

from pydantic import Field

from shared.settings import ServiceSettings


class EnrollmentSettings(ServiceSettings):
    catalog_url: str
    """Base address of the catalog, asked for sessions that its events have not brought yet."""
    seat_batch_size: int = Field(default=500, ge=1, le=5000)
    seat_batches_at_once: int = Field(default=1, ge=1, le=4)
