"""OAuth: the token endpoint and the documents by which clients find it (contract, section 7)."""

import json
from typing import Any, Final

from services.accounts.client_authentication import NoParameters, TokenRequest, credentials_of
from services.accounts.clients import granted, permissions_of
from services.accounts.context import ACCOUNTS_CONTEXT
from services.accounts.oauth_errors import (
    ClientRefused,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    UnsupportedGrantType,
    oauth_error,
)
from services.accounts.representations_clients import AuthorizationServer, IssuedToken, ProtectedResource
from services.accounts.schemas import SMALL_BODY
from services.accounts.sessions import REFRESH_LIFETIME, session_claims
from services.accounts.use_cases import client_tokens
from services.accounts.use_cases.refresh import RefreshRefused, refresh
from shared.auth.internal_token import SCOPES
from shared.auth.trust import PUBLIC
from shared.http.models import Body, Query
from shared.http.responses import Answer, Caching
from shared.http.routing import Call, Route
from shared.service.chassis import POOL

TOKEN: Final = "/oauth/token"  # noqa: S105 - a path
KEY_SET: Final = "/.well-known/jwks.json"
SERVER: Final = "/.well-known/oauth-authorization-server"
RESOURCE: Final = "/.well-known/oauth-protected-resource"
_GRANTS: Final = ("client_credentials", "refresh_token")
_AUTHENTICATION: Final = ("client_secret_basic", "client_secret_post", "none")
"""Refresh tokens are people's, whose programs have no secret."""
_RESPONSE_TYPES: Final = ("none",)
"""Required and not to be empty (RFC 8414, sections 2 and 3.2), though nobody is redirected here."""


async def token(call: Call[NoParameters, TokenRequest]) -> Answer:
    match call.body.grant_type:
        case "client_credentials":
            return await _of_client(call)
        case "refresh_token":
            return await _refreshed(call)
        case None:
            raise InvalidRequest("grant_type is required.")
    raise UnsupportedGrantType(f"grant_type must be one of {', '.join(_GRANTS)}.")


async def _of_client(call: Call[NoParameters, TokenRequest]) -> Answer:
    context = call.app[ACCOUNTS_CONTEXT]
    credentials = credentials_of(call.authorization, call.body)
    issued = await client_tokens.issue(
        call.app[POOL], context.key_ring, context.settings, credentials, call.body.scope, call.client_address
    )
    return _answer(access_token=issued.access_token, expires_in=issued.expires_in, scope=issued.scope)


async def _refreshed(call: Call[NoParameters, TokenRequest]) -> Answer:
    """Refresh tokens are people's, whose programs have no secret: they need to show nothing else.

    A scope narrows what the user may now; an unknown one is refused while the refresh token is still unused.
    """
    presented, context = call.body.refresh_token, call.app[ACCOUNTS_CONTEXT]
    if presented is None:
        raise InvalidRequest("refresh_token is required.")
    scope = granted(call.body.scope, SCOPES)
    if scope is None:
        raise InvalidScope(f"The scope must be one or more of: {' '.join(SCOPES)}.")
    try:
        session = await refresh(call.app[POOL], presented, address=call.client_address)
    except RefreshRefused:
        raise InvalidGrant("The refresh token is not valid any more. Sign in again.") from None
    claims = session_claims(session, context.settings)
    claims["permissions"] = sorted(permissions_of(scope) & set(claims["permissions"]))
    return _answer(
        access_token=context.key_ring.sign(claims),
        expires_in=context.settings.login_token_ttl,
        scope=" ".join(claims["permissions"]),
        refresh_token=session.refresh_token,
        refresh_expires_in=int(REFRESH_LIFETIME.total_seconds()),
    )


async def authorization_server(call: Call[Query, Body]) -> Answer:
    base = _public_address(call, SERVER)
    return _document(
        {
            "issuer": _issuer(call, base),
            "token_endpoint": base + TOKEN,
            "jwks_uri": base + KEY_SET,
            "scopes_supported": SCOPES,
            "response_types_supported": _RESPONSE_TYPES,
            "grant_types_supported": _GRANTS,
            "token_endpoint_auth_methods_supported": _AUTHENTICATION,
            "protected_resources": [base],
        }
    )


async def protected_resource(call: Call[Query, Body]) -> Answer:
    base = _public_address(call, RESOURCE)
    return _document(
        {
            "resource": base,
            "resource_name": "Muster",
            "authorization_servers": [_issuer(call, base)],
            "scopes_supported": SCOPES,
            "bearer_methods_supported": ["header"],
        }
    )


def _issuer(call: Call[Any, Any], base: str) -> str:
    """Clients refuse metadata whose issuer is not the address that they found it by (RFC 8414, section 3.3)."""
    named = call.app[ACCOUNTS_CONTEXT].settings.token_issuer
    return named if "://" in named else base


def _public_address(call: Call[Any, Any], path: str) -> str:
    """Where clients reach the gateway: without the setting the host that they asked; `path` is what they asked."""
    configured = call.app[ACCOUNTS_CONTEXT].settings.public_url
    return call.url.removesuffix(path) if configured is None else configured.rstrip("/")


def _answer(**members: Any) -> Answer:
    """RFC 6749, section 5.1."""
    text = json.dumps({"token_type": "Bearer", **members})
    return Answer(text, headers={"Pragma": "no-cache"}, caching=Caching.NOT_STORED)


def _document(members: dict[str, Any]) -> Answer:
    return Answer(json.dumps(members), caching=Caching.PUBLIC)


ROUTES: list[Route[Any, Any]] = [
    Route(
        "POST",
        TOKEN,
        token,
        {200: IssuedToken},
        permissions=[PUBLIC],
        query=NoParameters,
        body=TokenRequest,
        form=True,
        own_errors=oauth_error,
        limits=SMALL_BODY,
        summary="Issue token",
        description=(
            "OAuth 2.0 (RFC 6749): `client_credentials` for clients, and `refresh_token` for people who signed in"
            " with a password. Errors that OAuth names have its form."
        ),
        refusals=[InvalidRequest, UnsupportedGrantType, InvalidScope, InvalidGrant, ClientRefused],
    ),
    Route(
        "GET",
        SERVER,
        authorization_server,
        {200: AuthorizationServer},
        permissions=[PUBLIC],
        summary="Get metadata of authorization server",
        description="By which OAuth clients find the token endpoint (RFC 8414).",
    ),
    Route(
        "GET",
        RESOURCE,
        protected_resource,
        {200: ProtectedResource},
        permissions=[PUBLIC],
        summary="Get metadata of protected resource",
        description="By which OAuth clients find who issues tokens for this API (RFC 9728).",
    ),
]
