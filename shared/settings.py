"""Settings that every process reads once, at its start: from its environment, or each from a file of its name."""

import sys
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from shared.broker import EXCHANGE

InternalSecret = Annotated[SecretStr, Field(min_length=32)]
"""Signs the internal JWT; shorter keys than 32 bytes are weaker than HS256 itself (RFC 7518, section 3.2)."""

SECRETS_DIRECTORY = Path("/run/secrets")
"""Where containers find their secrets, one a file. What the environment says counts before them."""


def _address(secret: SecretStr) -> SecretStr:
    """Checked here: libraries that cannot read an address quote from it in their errors, and so from the password."""
    try:
        parts = urlsplit(secret.get_secret_value())
        hosts = [urlsplit(f"//{host}") for host in parts.netloc.rpartition("@")[2].split(",")]
        # Asking for the port reads it: a password with a `/` in it ends up there.
        understood = all((host.hostname or not parts.netloc) and host.port != 0 for host in hosts)
    except ValueError:
        understood = False
    if not understood or not parts.scheme or "@" in parts.path or parts.fragment:
        raise ValueError("must be scheme://user:password@host:port/…, special characters in it percent-encoded")
    return secret


Address = Annotated[SecretStr, Field(min_length=1), AfterValidator(_address)]
"""With a password in it, special characters percent-encoded (RFC 3986, section 3.2.1)."""


class ProcessSettings(BaseSettings):
    """A missing or malformed setting ends the start with a message that names it."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    log_level: str = "INFO"
    internal_token_secret: InternalSecret
    max_in_flight: int = Field(default=1000, ge=1)
    body_memory: int = Field(default=64, ge=4)
    """MiB of request bodies held at once; one caller may have a quarter of it."""


class ServiceSettings(ProcessSettings):
    """`database_url` and `amqp_url` belong to who may do the service's work and no more (docs/operations.md)."""

    database_url: Address
    migration_database_url: Address = Field(default_factory=lambda settings: settings["database_url"])
    """As the owner of the tables: for `migrate` and the other commands of an operator."""
    amqp_url: Address
    migration_amqp_url: Address = Field(default_factory=lambda settings: settings["amqp_url"])
    """As a user who may declare queues: for the same commands."""
    exchange: str = EXCHANGE
    queue_prefix: str = "muster"
    """Begins the name of the service's queue: two installations can share a broker."""
    database_pool_size: int = Field(default=10, ge=2, le=100)


Settings = TypeVar("Settings", bound=BaseSettings)


def read_settings(settings: type[Settings], directory: Path = SECRETS_DIRECTORY) -> Settings:
    """Reads the environment and the directory; ends the process with a list of what is missing or wrong."""
    try:
        return settings(_secrets_dir=directory if directory.is_dir() else None)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            if detail["type"] != "default_factory_not_called":  # the setting it is taken from has a line of its own
                print(_explained(detail, directory), file=sys.stderr)
    except SettingsError as error:
        # Of the cause, only what the operating system says: others may quote the value.
        reason = error.__cause__.strerror if isinstance(error.__cause__, OSError) else "malformed"
        print(f"{error}: {reason}", file=sys.stderr)
    raise SystemExit(2)


def _explained(detail: ErrorDetails, directory: Path) -> str:
    name = ".".join(map(str, detail["loc"]))
    match detail["type"]:
        case "missing":
            reason = f"is neither in the environment nor in a file {directory / name}"
        case "too_short":
            reason = f"is empty or too short: it needs {detail['ctx']['min_length']} characters or more"
        case _:
            reason = detail["msg"]
    return f"setting {name.upper()}: {reason}"
