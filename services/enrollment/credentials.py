"""What a credential says, and whether it may be issued and still holds (contract, section 13): values in and out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict

from services.enrollment.errors import NotCertified, PersonErased
from shared.events.states import Language

Standing = Literal["valid", "expired", "revoked"]
PLACES: Final = 131_072
"""Of a status list: fewer would say too much of the one who asks (Bitstring Status List v1.0, section 6.1)."""
USED: Final = PLACES // 2
"""Of them, at most so many are of credentials, so that a free one is soon found by chance."""


class Content(BaseModel):
    """What a credential says. `issuer_name` is None for an organisation that nobody has named.

    `provider` is who trained them, where that was somebody else; `course_id` is None where it was no course of the
    organisation's.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    training_name: str
    provider: str | None
    course_id: int | None
    completed_at: datetime
    valid_until: datetime | None
    issuer_name: str | None
    language: Language
    time_zone: str


@dataclass(frozen=True, slots=True)
class Credential:
    """One that is not revoked. `of_id` is an enrollment's or a record's; `place` is that in the status list."""

    organisation_id: int
    of_id: int
    code: str
    list_number: int
    place: int
    content: Content
    issued_at: datetime

    def standing(self, now: datetime) -> Standing:
        end = self.content.valid_until
        return "valid" if end is None or end > now else "expired"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a credential is about: `content` is what one says that is issued now, None where there is nothing to
    certify."""

    content: Content | None
    employee_id: int
    erased: bool

    def certified(self) -> Content:
        """Raises `NotCertified` or `PersonErased`."""
        if self.erased:
            raise PersonErased
        if self.content is None:
            raise NotCertified
        return self.content


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the credentials of an organisation are, for whoever reaches the gateway at `origin`."""

    origin: str
    organisation_id: int

    @property
    def did(self) -> str:
        """Of did:web: its document is at `/credentials/<id>/did.json`."""
        return f"did:web:{quote(urlsplit(self.origin).netloc, safe='')}:credentials:{self.organisation_id}"

    def credential(self, code: str) -> str:
        return f"{self.origin}/verify/{code}"

    def status_list(self, number: int) -> str:
        return f"{self.origin}/credentials/{self.organisation_id}/status/{number}"


def list_of(issued: int) -> int:
    """The number of the status list in which the credential stands that is issued as the `issued`th."""
    return (issued - 1) // USED + 1
