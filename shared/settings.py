"""Settings that every service reads from its environment, once, at its start."""

import sys
from typing import Annotated, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.broker import EXCHANGE

InternalSecret = Annotated[SecretStr, Field(min_length=32)]
"""Signs the internal JWT; shorter keys than 32 bytes are weaker than HS256 itself (RFC 7518, section 3.2)."""


class ProcessSettings(BaseSettings):
    """A missing or malformed setting ends the start with a message that names it."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    log_level: str = "INFO"
    internal_token_secret: InternalSecret
    max_in_flight: int = Field(default=1000, ge=1)


class ServiceSettings(ProcessSettings):
    database_url: SecretStr
    amqp_url: SecretStr
    migration_database_url: SecretStr | None = None
    migration_amqp_url: SecretStr | None = None
    """The owner of the tables and the administrator of the queues, for an operator's commands; without them the
    processes' own."""
    exchange: str = EXCHANGE
    queue_prefix: str = "muster"
    """Begins the name of the service's queue: two installations can share a broker."""
    database_pool_size: int = Field(default=10, ge=2, le=100)

    @property
    def operator_database_url(self) -> str:
        return (self.migration_database_url or self.database_url).get_secret_value()

    @property
    def operator_amqp_url(self) -> str:
        return (self.migration_amqp_url or self.amqp_url).get_secret_value()


Settings = TypeVar("Settings", bound=BaseSettings)


def read_settings(settings: type[Settings]) -> Settings:
    """Reads the environment; ends the process with a list of what is missing or wrong."""
    try:
        return settings()
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            print(f"setting {'.'.join(map(str, detail['loc'])).upper()}: {detail['msg']}", file=sys.stderr)
        raise SystemExit(2) from None
