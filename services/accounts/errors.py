"""Why accounts refuses (contract, section 7)."""

from shared.errors import ApiError, Conflict, NotFound


class CredentialsRefused(ApiError):
    """RFC 9110 wants a challenge with every 401; logging in is what answers this one."""

    status = 401
    code = "credentials_invalid"
    message = "Invalid credentials. Please check your email and password."
    meaning = (
        "The email address is unknown, the password is wrong, or the user may not sign in."
        " The response does not say which."
    )
    remedy = "Check both. A user who was just invited sets a password first; a disabled one is enabled by an Admin."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="muster"'})


class NoPassword(Conflict):
    code = "no_password"
    message = "Only users who sign in here have a password. Change it at your identity provider."
    meaning = "The caller does not sign in with a password here: a client, or a user of an outside identity provider."
    remedy = "Change the password at the identity provider."


class CommandRefused(Exception):
    """A command of the operator changes nothing; says why, and what would be right."""


class UserNotFound(NotFound):
    message = "The user does not exist."


class EmailTaken(Conflict):
    code = "email_taken"
    message = "Another user has this email address."
    meaning = "Another user of the installation has this email address, in whatever case and in whatever organisation."
    remedy = "Use another address, or change the user who has it."


class LastAdmin(Conflict):
    code = "last_admin"
    message = "The organisation has no other active Admin. Give that role to somebody else first."
    meaning = "The organisation would be left without an active Admin."
    remedy = "Give the role Admin to somebody else first."


class UserDisabled(Conflict):
    message = "The user is disabled."


class InvitationUnknown(NotFound):
    message = "This invitation does not exist. Check that the link is complete."


class InvitationUsed(Conflict):
    code = "invitation_used"
    message = "This invitation has been used already. Sign in with the password that was set."
    meaning = "The link of the invitation was used before."
    remedy = "Sign in with the password that was set then, or ask an Admin for a new invitation."


class InvitationExpired(Conflict):
    code = "invitation_expired"
    message = "This invitation has expired. Ask for a new one."
    meaning = "The link of the invitation is older than seven days."
    remedy = "Ask an Admin for a new invitation."


class InvitationReplaced(Conflict):
    code = "invitation_replaced"
    message = "There is a newer invitation than this one. Use that one."
    meaning = "A newer link was created for the user."
    remedy = "Use the newer link."


class ClientNotFound(NotFound):
    message = "The client does not exist."


class ClientRevoked(Conflict):
    message = "The client is revoked. Make a new one."


class OrganisationNotFound(NotFound):
    message = "The organisation does not exist."


class OrganisationExists(Conflict):
    code = "organisation_exists"
    message = "There is an organisation with this id."
    meaning = "There is an organisation with this id."
    remedy = "Choose another id, leave the id out, or change the organisation that is there."


class OwnOrganisation(Conflict):
    code = "own_organisation"
    message = "This organisation is your own: you could not sign in to resume it."
    meaning = "A program would suspend the organisation that its own token belongs to."
    remedy = "Use a client of another organisation."
