"""Those whose tokens are accepted, as settings name them: accounts, and any number of outside providers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.auth.claim_map import ClaimMap
from gateway.auth.key_sources import parse_public_keys

Algorithm = Literal["EdDSA", "ES256", "RS256", "HS256"]
PublicKeyAlgorithm = Literal["EdDSA", "ES256", "RS256"]
PUBLIC_KEY_ALGORITHMS: frozenset[PublicKeyAlgorithm] = frozenset(("EdDSA", "ES256", "RS256"))
"""Those whose keys may be published: a secret that verifies could sign as well."""
MAX_PROVIDERS = 100


def _sent_in_a_header(value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise ValueError("must be printable ASCII")
    return value


Issuer = Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_sent_in_a_header)]
"""Compared with a token's `iss` character by character: `https://id.example` and `https://id.example/` are two."""


def _readable(path: Path) -> Path:
    try:
        parse_public_keys(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return path


Address = Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2048)]


class ProviderSettings(BaseModel):
    """An outside identity provider: whose tokens these are, where its keys are found, and what its claims mean."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    issuer: Issuer
    audience: str = Field(min_length=1, max_length=1024)
    key_set_url: Address | None = None
    metadata_url: Address | None = None
    """Of RFC 8414 or OpenID Connect Discovery: it names the key set."""
    key_set_file: Annotated[Path, AfterValidator(_readable)] | None = None
    algorithms: frozenset[PublicKeyAlgorithm] = Field(PUBLIC_KEY_ALGORITHMS, min_length=1)
    claims: ClaimMap

    @model_validator(mode="after")
    def _one_place_of_its_keys(self) -> Self:
        if sum(place is not None for place in (self.key_set_url, self.metadata_url, self.key_set_file)) != 1:
            raise ValueError("needs exactly one of key_set_url, metadata_url and key_set_file")
        return self


def require_issuers_of_their_own(providers: Sequence[ProviderSettings], accounts: str) -> None:
    """Raises `ValueError` where a token's issuer would not say which provider it is of. `accounts` is our own."""
    issuers = [provider.issuer for provider in providers]
    if accounts in issuers:
        raise ValueError(
            f"PROVIDERS names {accounts}, the issuer of our own tokens (TOKEN_ISSUER): give the provider its own issuer"
        )
    for issuer in issuers:
        if issuers.count(issuer) > 1:
            raise ValueError(f"PROVIDERS names {issuer} twice: one provider for each issuer")
