"""Settings of the enrollment service's processes."""

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from shared.settings import ServiceSettings


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class EnrollmentSettings(ServiceSettings):
    catalog_url: str
    """Base address of the catalog, asked for sessions that its events have not brought yet."""
    expiry_notice_days: Annotated[tuple[int, ...], NoDecode, BeforeValidator(_listed)] = (30, 7)
    """Days before a completion's end when it is told; in the environment separated by commas."""
    seat_batch_size: int = Field(default=500, ge=1, le=5000)
    seat_batches_at_once: int = Field(default=1, ge=1, le=4)
