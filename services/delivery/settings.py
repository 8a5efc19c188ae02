"""Settings of the processes of delivery."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings


class DeliverySettings(ServiceSettings):
    """It alone sends requests to addresses that organisations choose."""

    delivery_secret: SecretStr = Field(min_length=32)
    """Encrypts the secrets of webhooks in the database; a backup of the database is useless without it."""
    delivery_secret_previous: SecretStr | None = Field(default=None, min_length=32)
    """The one before, while they are being encrypted again."""
