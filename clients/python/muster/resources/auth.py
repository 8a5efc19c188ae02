"""Methods of auth.

Written by `./dev documents`: change the routes, or what writes this.
"""

from muster.arguments import OMIT, Omitted
from muster.models.auth import LoggedIn, OwnUser, SignedInUser
from muster.resource import Resource


class AuthResource(Resource):
    """`client.auth`."""

    def login(
        self,
        *,
        email: str,
        password: str,
        refresh_token: bool | Omitted = OMIT,
        request_id: str | None = None,
    ) -> LoggedIn:
        """Log in.

        With `refresh_token` the response also has a refresh token, for `/oauth/token`.
        """
        return self._one(
            LoggedIn,
            "POST",
            "/api/v1/auth/login",
            body={"email": email, "password": password, "refresh_token": refresh_token},
            request_id=request_id,
            is_public=True,
        )

    def me(
        self,
        *,
        request_id: str | None = None,
    ) -> OwnUser:
        """Get own user."""
        return self._one(
            OwnUser,
            "GET",
            "/api/v1/auth/me",
            request_id=request_id,
        )

    def logout(
        self,
        *,
        request_id: str | None = None,
    ) -> None:
        """Log out.

        The token is refused from now on, and so is the refresh token that it came with.
        """
        return self._nothing(
            "POST",
            "/api/v1/auth/logout",
            request_id=request_id,
        )

    def sign_out(
        self,
        *,
        request_id: str | None = None,
    ) -> None:
        """Sign out everywhere.

        All tokens of the caller are refused that were issued until now.
        """
        return self._nothing(
            "POST",
            "/api/v1/auth/sign-out",
            request_id=request_id,
        )

    def change_password(
        self,
        *,
        current_password: str,
        new_password: str,
        refresh_token: bool | Omitted = OMIT,
        request_id: str | None = None,
    ) -> LoggedIn:
        """Change password.

        Signs the user out everywhere, and in again with the token of the response.
        """
        return self._one(
            LoggedIn,
            "PUT",
            "/api/v1/auth/password",
            body={"current_password": current_password, "new_password": new_password, "refresh_token": refresh_token},
            request_id=request_id,
        )

    def accept_invitation(
        self,
        *,
        token: str,
        password: str,
        request_id: str | None = None,
    ) -> SignedInUser:
        """Set password of invitation."""
        return self._one(
            SignedInUser,
            "POST",
            "/api/v1/auth/invitation",
            body={"token": token, "password": password},
            request_id=request_id,
            is_public=True,
        )
