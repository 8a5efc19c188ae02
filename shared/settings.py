"""Settings, read once at the start of a process from its environment or from files named after them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from shared.auth.trust import parse_internal_keys, parse_trusted_keys
from shared.events.types import EXCHANGE
from shared.tls import CaFile, verified

SECRETS_DIRECTORY = Path("/run/secrets")
"""Where containers mount secrets, one file each. Environment variables take precedence."""


def _address(secret: SecretStr) -> SecretStr:
    """Checked here because libraries quote an invalid URL, and so its password, in their errors."""
    try:
        parts = urlsplit(secret.get_secret_value())
        hosts = [urlsplit(f"//{host}") for host in parts.netloc.rpartition("@")[2].split(",")]
        # Reading the port validates it: an unescaped `/` in a password ends up there.
        understood = all((host.hostname or not parts.netloc) and host.port != 0 for host in hosts)
    except ValueError:
        understood = False
    if not understood or not parts.scheme or "@" in parts.path or parts.fragment:
        raise ValueError("must be scheme://user:password@host:port/…, special characters in it percent-encoded")
    return secret


Address = Annotated[SecretStr, Field(min_length=1), AfterValidator(_address)]
"""A URL with a password; special characters are percent-encoded (RFC 3986, section 3.2.1)."""


def over_tls(server: str) -> AfterValidator:
    """For the URL of a server; its settings `<server>_ca_file`, `_cert_file` and `_key_file` are declared before it."""

    def verify(address: SecretStr, info: ValidationInfo) -> SecretStr:
        ca, *shown = [info.data.get(f"{server}_{kind}_file") for kind in ("ca", "cert", "key")]
        if ca is None and any(shown):
            raise ValueError(f"{server.upper()}_CA_FILE is needed with a client certificate")
        return address if ca is None else SecretStr(verified(address.get_secret_value(), ca, *shown))

    return AfterValidator(verify)


DatabaseAddress = Annotated[Address, over_tls("database")]
BrokerAddress = Annotated[Address, over_tls("amqp")]


def _parsed_by(parse: Callable[[str], object]) -> AfterValidator:
    """Reads the file once at the start, so that an error names the setting."""

    def check(path: Path) -> Path:
        try:
            parse(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        return path

    return AfterValidator(check)


InternalKeysFile = Annotated[Path, _parsed_by(parse_internal_keys)]
TrustedKeysFile = Annotated[Path, _parsed_by(parse_trusted_keys)]


class ProcessSettings(BaseSettings):
    """A missing or malformed setting aborts the start with a message that names it."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """Where the process answers `GET /metrics`; without a port it does not. No client must reach it."""
    log_level: str = "INFO"
    otel_exporter_otlp_endpoint: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    """Where spans are sent, by OTLP/HTTP; the other `OTEL_EXPORTER_OTLP_*` variables count as well."""
    trace_file: Path | None = None
    """Where spans are written instead, on the local stack."""
    slow_request_seconds: float = Field(default=1.0, ge=0)
    """A request that takes as long has a line in the log; 0: none has for that."""
    internal_keys_file: InternalKeysFile
    """The process's own private keys; the first one signs its internal tokens."""
    max_in_flight: int = Field(default=1000, ge=1)
    body_memory: int = Field(default=64, ge=4)
    """MiB of request bodies in memory; one caller may use a quarter of it."""


class ServiceSettings(ProcessSettings):
    """`database_url` and `amqp_url` are of users with only the privileges that a service needs (docs/operations.md)."""

    internal_trusted_keys_file: TrustedKeysFile
    """Public keys of the callers of this service."""
    database_ca_file: CaFile | None = None
    """With it, connections use TLS and the server must present a certificate of this CA for its host; so for AMQP."""
    database_cert_file: Path | None = None
    database_key_file: Path | None = None
    amqp_ca_file: CaFile | None = None
    amqp_cert_file: Path | None = None
    amqp_key_file: Path | None = None
    database_url: DatabaseAddress
    migration_database_url: DatabaseAddress = Field(default_factory=lambda settings: settings["database_url"])
    """Connects as the owner of the tables, for `migrate` and the other operator commands."""
    amqp_url: BrokerAddress
    migration_amqp_url: BrokerAddress = Field(default_factory=lambda settings: settings["amqp_url"])
    """Connects as a user who may declare queues, for the same commands."""
    exchange: str = EXCHANGE
    queue_prefix: str = "muster"
    """Prefix of the queue name, so that installations can share a broker."""
    installation: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """The name of this installation in the `source` of its events; without it the database has made one. As
    `public_url`, it takes effect by `migrate`."""
    public_url: str | None = Field(default=None, pattern=r"^https?://[A-Za-z0-9._~:/@!$&'()*+,;=%\[\]-]+$")
    """Where clients reach the gateway: in the `dataschema` of events."""
    database_pool_size: int = Field(default=10, ge=2, le=100)


class SettingRefused(Exception):
    """A setting is well formed, and what it is for shows that it is wrong; ends the start with this message."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"setting {name}: {reason}")


Settings = TypeVar("Settings", bound=BaseSettings)


def read_settings(settings: type[Settings], directory: Path = SECRETS_DIRECTORY) -> Settings:
    """Reads the environment and the directory; exits with a list of the settings that are missing or invalid."""
    try:
        return settings(_secrets_dir=directory if directory.is_dir() else None)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            if detail["type"] != "default_factory_not_called":  # the setting it is derived from is listed itself
                print(_explained(detail, directory), file=sys.stderr)
    except SettingsError as error:
        # Only the operating system's message: other causes may quote the value.
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
            reason = detail["msg"].removeprefix("Value error, ")
    return f"setting {name.upper()}: {reason}" if name else f"settings: {reason}"
