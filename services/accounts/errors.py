"""Why accounts refuses (contract, section 7)."""

from shared.errors import ApiError


class CredentialsRefused(ApiError):
    """RFC 9110 wants a challenge with every 401; logging in is what answers this one."""

    status = 401
    code = "credentials_invalid"
    message = "Invalid credentials. Please check your email and password."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="muster"'})


class SecretWrong(Exception):
    """A private key in the database cannot be decrypted with ACCOUNTS_SECRET."""


class CommandRefused(Exception):
    """A command of the operator changes nothing; says why, and what would be right."""
