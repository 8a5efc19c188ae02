"""Settings of the processes of accounts."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings


class AccountsSettings(ServiceSettings):
    """Lifetimes are seconds."""

    accounts_secret: SecretStr = Field(min_length=32)
    """Encrypts the private signing keys in the database; a backup of the database is useless without it."""
    accounts_secret_previous: SecretStr | None = Field(default=None, min_length=32)
    """The one before, while the keys are being encrypted again (`keys reencrypt`)."""
    token_issuer: str = Field(default="muster", min_length=1)
    """The claim `iss` of access tokens; for clients that follow RFC 8414, the public address of the gateway."""
    token_audience: str = Field(default="muster-api", min_length=1)
    login_token_ttl: int = Field(default=3600, ge=60, le=86_400)
    invitation_url: str | None = Field(default=None, pattern=r"^https?://[^#]+$")
    """A page of your own where users set their password; links lead there, with the token after `#`."""
