"""What answers of accounts look like (contract, section 7)."""

from typing import Literal

from services.accounts.roles import RoleName
from shared.http.representation import NonEmpty, Representation, TrainingTimestamp, may_be_missing


class SignedInUser(Representation):
    id: int
    name: str
    email: str
    role: RoleName
    created_at: TrainingTimestamp


class LoggedIn(Representation):
    """Lifetimes are in seconds. The last two are there for clients that asked for a refresh token."""

    token: str
    token_type: Literal["Bearer"]
    expires_in: int
    user: SignedInUser
    refresh_token: str = may_be_missing()
    refresh_expires_in: int = may_be_missing()


class Me(Representation):
    """A user of an outside provider has what their token says of them."""

    id: int = may_be_missing()
    name: str = may_be_missing()
    email: str = may_be_missing()
    role: RoleName = may_be_missing()
    created_at: TrainingTimestamp = may_be_missing()
    user_type: str = may_be_missing()
    permissions: list[str]


class KeySet(Representation):
    """A JWK set (RFC 7517, section 5)."""

    keys: list[dict[str, str]]


class Revocation(Representation):
    """`before` is in seconds since the epoch: tokens issued until then are refused."""

    seq: int
    kind: Literal["subject", "suspended", "resumed"]
    issuer: str | None
    organisation_id: int
    subject: str | None
    before: int


class Revocations(Representation):
    """`newest` is the number to go on from. One that is lower than what was asked for tells that the list is an earlier
    one, out of a backup, and has to be read from its beginning."""

    revocations: list[Revocation]
    newest: int


class UserItem(SignedInUser):
    """`invitation_expires_at` is when the newest link expires, `null` once it was used."""

    user_type: Literal["staff", "contractor"]
    employee_id: int | None
    company_ids: list[int]
    status: Literal["invited", "active", "disabled"]
    invitation_expires_at: TrainingTimestamp | None


class Invitation(Representation):
    """`token` and `url` are missing in a repeated response; `url` also if INVITATION_URL is not set."""

    token: NonEmpty = may_be_missing()
    url: NonEmpty = may_be_missing()
    expires_at: TrainingTimestamp


class InvitedUser(UserItem):
    invitation: Invitation


class OrganisationItem(Representation):
    id: int
    name: str
    status: Literal["active", "suspended"]
    suspended_at: TrainingTimestamp | None
    created_at: TrainingTimestamp


class NewOrganisation(OrganisationItem):
    admin: InvitedUser
