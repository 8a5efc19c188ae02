"""Why accounts refuses (contract, section 7)."""

from shared.errors import ApiError, Conflict, NotFound


class CredentialsRefused(ApiError):
    """RFC 9110 wants a challenge with every 401; logging in is what answers this one."""

    status = 401
    code = "credentials_invalid"
    message = "Invalid credentials. Please check your email and password."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="muster"'})


class NoPassword(Conflict):
    code = "no_password"
    message = "Only users who sign in here have a password. Change it at your identity provider."


class SecretWrong(Exception):
    """A private key in the database cannot be decrypted with ACCOUNTS_SECRET."""


class CommandRefused(Exception):
    """A command of the operator changes nothing; says why, and what would be right."""


class UserNotFound(NotFound):
    message = "The user does not exist."


class EmailTaken(Conflict):
    code = "email_taken"
    message = "Another user has this email address."


class LastAdmin(Conflict):
    code = "last_admin"
    message = "The organisation has no other active Admin. Give that role to somebody else first."


class UserDisabled(Conflict):
    message = "The user is disabled."


class InvitationUnknown(NotFound):
    message = "This invitation does not exist. Check that the link is complete."


class InvitationUsed(Conflict):
    code = "invitation_used"
    message = "This invitation has been used already. Sign in with the password that was set."


class InvitationExpired(Conflict):
    code = "invitation_expired"
    message = "This invitation has expired. Ask for a new one."


class InvitationReplaced(Conflict):
    code = "invitation_replaced"
    message = "There is a newer invitation than this one. Use that one."


class ClientNotFound(NotFound):
    message = "The client does not exist."


class ClientRevoked(Conflict):
    message = "The client is revoked. Make a new one."


class OrganisationNotFound(NotFound):
    message = "The organisation does not exist."


class OrganisationExists(Conflict):
    code = "organisation_exists"
    message = "There is an organisation with this id."


class OwnOrganisation(Conflict):
    code = "own_organisation"
    message = "This organisation is your own: you could not sign in to resume it."
