"""Why accounts refuses (contract, section 7)."""

from shared.errors import ApiError, Conflict, NotFound


class CredentialsRefused(ApiError):
    """RFC 9110 wants a challenge with every 401; logging in is what answers this one."""

    status = 401
    code = "credentials_invalid"
    message = "Invalid credentials. Please check your email and password."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="muster"'})


class SecretWrong(Exception):
    """A private key in the database cannot be decrypted with ACCOUNTS_SECRET."""


class ClientNotFound(NotFound):
    message = "The client does not exist."


class ClientRevoked(Conflict):
    message = "The client is revoked. Make a new one."
