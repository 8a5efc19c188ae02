"""Methods of oauth.

Written by `./dev documents`: change the routes, or what writes this.
"""

from muster.arguments import OMIT, Omitted
from muster.async_resource import AsyncResource
from muster.models.oauth import AuthorizationServer, IssuedToken, KeySet, ProtectedResource


class AsyncOauthResource(AsyncResource):
    """`client.oauth`."""

    async def key_set(
        self,
        *,
        request_id: str | None = None,
    ) -> KeySet:
        """Get key set.

        The public keys of the tokens that are issued here (RFC 7517).
        """
        return await self._whole(
            KeySet,
            "GET",
            "/.well-known/jwks.json",
            request_id=request_id,
            is_public=True,
        )

    async def token(
        self,
        *,
        grant_type: str | Omitted = OMIT,
        scope: str | Omitted = OMIT,
        refresh_token: str | Omitted = OMIT,
        client_id: str | Omitted = OMIT,
        client_secret: str | Omitted = OMIT,
        client_assertion: str | Omitted = OMIT,
        client_assertion_type: str | Omitted = OMIT,
        request_id: str | None = None,
    ) -> IssuedToken:
        """Issue token.

        OAuth 2.0 (RFC 6749): `client_credentials` for clients, and `refresh_token` for people who signed in with a
        password. Errors that OAuth names have its form.
        """
        return await self._whole(
            IssuedToken,
            "POST",
            "/oauth/token",
            form={
                "grant_type": grant_type,
                "scope": scope,
                "refresh_token": refresh_token,
                "client_id": client_id,
                "client_secret": client_secret,
                "client_assertion": client_assertion,
                "client_assertion_type": client_assertion_type,
            },
            request_id=request_id,
            is_public=True,
        )

    async def authorization_server(
        self,
        *,
        request_id: str | None = None,
    ) -> AuthorizationServer:
        """Get metadata of authorization server.

        By which OAuth clients find the token endpoint (RFC 8414).
        """
        return await self._whole(
            AuthorizationServer,
            "GET",
            "/.well-known/oauth-authorization-server",
            request_id=request_id,
            is_public=True,
        )

    async def protected_resource(
        self,
        *,
        request_id: str | None = None,
    ) -> ProtectedResource:
        """Get metadata of protected resource.

        By which OAuth clients find who issues tokens for this API (RFC 9728).
        """
        return await self._whole(
            ProtectedResource,
            "GET",
            "/.well-known/oauth-protected-resource",
            request_id=request_id,
            is_public=True,
        )
