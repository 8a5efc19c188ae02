"""People who sign in, as rules and answers see them."""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from services.accounts.roles import RoleName
from shared.auth.claims import UserType


@dataclass(frozen=True, slots=True)
class User:
    """`employee_id` is the person the user is, if they are one that can be enrolled.

    `company_ids` are those whose people a Contractor Coordinator looks after. Without a `password_hash` the user is
    invited and cannot sign in yet. Tokens issued until `cut_off_at` are refused.
    """

    organisation_id: int
    id: int
    version: int
    name: str
    email: str
    role: RoleName
    user_type: UserType
    employee_id: int | None
    company_ids: tuple[int, ...]
    password_hash: str | None
    disabled_at: datetime | None
    cut_off_at: datetime | None
    created_at: datetime

    @property
    def status(self) -> Literal["invited", "active", "disabled"]:
        if self.disabled_at is not None:
            return "disabled"
        return "active" if self.password_hash is not None else "invited"

    def described(self) -> dict[str, object]:
        """The user as clients see them; the timestamp in the form of the training endpoints."""
        created_at = self.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "id": self.id,
            "name": self.name,
            "email": self.email,
            "role": self.role,
            "created_at": created_at,
        }


def email_key(email: str) -> str:
    """An email address means the same user in any case and in any of Unicode's normal forms."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", email).casefold())
