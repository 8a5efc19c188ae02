"""The gateway's settings, read from its environment once, at its start."""

import re
from pathlib import Path
from typing import Annotated, Final, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from gateway.auth.providers import MAX_PROVIDERS, Algorithm, Issuer, ProviderSettings, require_issuers_of_their_own
from gateway.routes import UpstreamName
from shared.http.cors import ANY_ORIGIN
from shared.http.stream_slots import STREAMS
from shared.settings import Address, ProcessSettings, over_tls
from shared.tls import CaFile

MAX_ORIGINS: Final = 100
_WEB_ORIGIN: Final = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::(?!80\Z|443\Z)[1-9][0-9]{0,4})?"
)
_SERVICES = len(get_args(UpstreamName))


def _origin(url: str) -> str:
    """Scheme, host and port alone: a target is put right behind it."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("must be http://host:port or https://host:port")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must have no path")
    return f"{parts.scheme}://{parts.netloc}"


def _listed(value: object) -> object:
    return [item.strip() for item in value.split(",")] if isinstance(value, str) else value


def _web_origin(url: str) -> str:
    """As browsers write it; a list of patterns, or of pages, would accept more than was meant."""
    if url == ANY_ORIGIN:
        return url
    origin = _origin(url)
    if not _WEB_ORIGIN.fullmatch(origin):
        raise ValueError("must be the Origin that browsers send: in lower case, without the usual port")
    return origin


def _none_beside_any(origins: frozenset[str]) -> frozenset[str]:
    if ANY_ORIGIN in origins and len(origins) > 1:
        raise ValueError("must be * alone, or a list of origins")
    return origins


def _given(value: object) -> object:
    listed = _listed(value)
    return [item for item in listed if item] if isinstance(listed, list) else listed


RedisAddress = Annotated[Address, over_tls("redis")]

Origin = Annotated[str, AfterValidator(_origin)]
"""`scheme://host[:port]`, without a slash at its end (RFC 6454)."""


WebOrigins = Annotated[
    frozenset[Annotated[str, AfterValidator(_web_origin)]],
    Field(max_length=MAX_ORIGINS),
    NoDecode,
    BeforeValidator(_given),
    AfterValidator(_none_beside_any),
]
"""Origins of pages, or `ANY_ORIGIN` alone; none in an empty text."""


class GatewaySettings(ProcessSettings):
    """Limits are requests a minute, times are seconds."""

    catalog_url: Origin
    enrollment_url: Origin
    history_url: Origin
    accounts_url: Origin
    delivery_url: Origin
    redis_ca_file: CaFile | None = None
    """With it connections are TLS, and Redis shows a certificate of this CA for its host."""
    redis_cert_file: Path | None = None
    redis_key_file: Path | None = None
    redis_url: RedisAddress

    token_issuer: Issuer = Field(default="muster")
    token_audience: str = Field(default="muster-api", min_length=1)
    """Of our own tokens, which `accounts` issues; with `key_set_url`, of that provider's."""
    providers: tuple[ProviderSettings, ...] = Field(default_factory=tuple, max_length=MAX_PROVIDERS)
    """Outside ones, beside accounts."""
    token_algorithms: Annotated[frozenset[Algorithm], NoDecode, BeforeValidator(_listed)] = frozenset(
        ("EdDSA", "ES256", "RS256", "HS256")
    )
    client_token_secret: SecretStr | None = Field(default=None, min_length=32)
    key_set_url: str | None = Field(default=None, pattern=r"^https?://")
    key_set_cooldown: float = Field(default=10.0, gt=0)

    trace_sample_ratio: float = Field(default=0.01, ge=0, le=1)
    """Of all requests, how many have their trace recorded, beside those that fail."""
    rate_limit: int = Field(default=60, ge=1)
    address_rate_limit: int = Field(default=60, ge=1)
    trusted_proxies: int = Field(default=0, ge=0, le=10)
    """How many proxies of our own stand in front, each adding one address to `X-Forwarded-For`."""

    public_url: Origin | None = None
    """Where clients reach the gateway, for the links in answers; without it the request's own `Host`."""
    cors_origins: WebOrigins = Field(default_factory=frozenset)
    """Of pages that may use the API in a browser."""
    upstream_timeout: float = Field(default=10.0, gt=0, le=60)
    upstream_max_in_flight: int = Field(default=112, ge=1)
    upstream_max_waiting: int = Field(default=1000, ge=0)
    """Requests that wait for their turn at one service: a burst is worked off, and no reason to refuse anybody."""
    max_in_flight: int = Field(default=2000 + 1000 * _SERVICES, ge=1)
    streams: int = Field(default=STREAMS, ge=1)
    """Streams and waiting requests open at once, beside the requests in flight."""
    stranger_body_memory: int = Field(default=8, ge=1)
    """MiB of bodies held at once from clients without a valid token: those who sign in."""

    def origins(self) -> dict[UpstreamName, str]:
        """Where each service is."""
        return {name: getattr(self, f"{name}_url") for name in get_args(UpstreamName)}

    @model_validator(mode="after")
    def _one_provider_for_each_token(self) -> Self:
        if self.key_set_url is not None and self.client_token_secret is not None:
            raise ValueError("KEY_SET_URL and CLIENT_TOKEN_SECRET are mutually exclusive: there is one token provider")
        if self.key_set_url is not None and self.providers:
            raise ValueError(
                "KEY_SET_URL and PROVIDERS are mutually exclusive: KEY_SET_URL makes its provider the only one, so list"
                " it in PROVIDERS"
            )
        require_issuers_of_their_own(self.providers, self.token_issuer)
        return self

    @model_validator(mode="after")
    def _room_for_every_service(self) -> Self:
        if self.max_in_flight <= _SERVICES * (self.upstream_max_in_flight + self.upstream_max_waiting):
            raise ValueError(
                "MAX_IN_FLIGHT must be more than UPSTREAM_MAX_IN_FLIGHT and UPSTREAM_MAX_WAITING of every service,"
                " or one that hangs leaves no room for the others"
            )
        return self
