"""Models of oauth.

Written by `./dev documents`: change the routes, or what writes this.
"""

from typing import Literal

from muster.model import Model


class AuthorizationServer(Model):
    """RFC 8414, section 2."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    protected_resources: list[str]


class IssuedToken(Model):
    """RFC 6749, section 5.1; people get a refresh token besides."""

    access_token: str
    token_type: Literal["Bearer"] | str
    expires_in: int
    scope: str
    refresh_token: str | None = None
    refresh_expires_in: int | None = None


class KeySet(Model):
    """A JWK set (RFC 7517, section 5)."""

    keys: list[dict[str, str]]


class ProtectedResource(Model):
    """RFC 9728, section 2."""

    resource: str
    resource_name: str
    authorization_servers: list[str]
    scopes_supported: list[str]
    bearer_methods_supported: list[str]
