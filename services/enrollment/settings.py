"""Settings of the enrollment service's processes."""

from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from shared.settings import ServiceSettings


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class EnrollmentSettings(ServiceSettings):
    catalog_url: str
    """Base URL of the catalog. Enrollment fetches from it sessions that no event has brought yet."""
    expiry_notice_days: Annotated[tuple[int, ...], NoDecode, BeforeValidator(_listed)] = (30, 7)
    """How many days before a completion expires a notice is published; separated by commas in the environment."""
    seat_batch_size: int = Field(default=500, ge=1, le=5000)
    """Enrollment requests decided in one transaction at most."""
    seat_batches_at_once: int = Field(default=1, ge=1, le=4)
    """Such transactions that run at the same time."""
    import_most_removed: float = Field(default=0.2, ge=0, le=1)
    """The share of an organisation's rows that an import in mode `complete` may end: a file that was cut off must not
    end a company."""
    erasure_keep_years: int = Field(default=0, ge=0, le=100)
    """Years for which the law has records kept, after the last of a person is completed and valid no longer: nobody is
    erased before. 0: nothing has to be kept."""
    enrollment_secret: SecretStr = Field(min_length=32)
    """Encrypts the keys of credentials in the database; a backup of the database is useless without it to a forger."""
    enrollment_secret_previous: SecretStr | None = Field(default=None, min_length=32)
    """The one before, while they are being encrypted again."""
    delivery_url: str | None = None
    """Base URL of delivery, which keeps the feed. Without it no list has an `X-Event-Cursor`."""
