"""The claims that describe a caller, with their types and limits (contract, section 2; RFC 7519)."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from shared.auth.trust import OF_GATEWAY, POSITION, STATES
from shared.validation.fields import MAX_ID, storable

UserType = Literal["staff", "contractor", "service"]

EVERY_ORGANISATION = 0
"""Used as the organisation id when one service requests rows of all organisations from another."""
MAX_COMPANIES = 100
MAX_TIME = 253_402_300_799
"""The last second of the year 9999."""


def _visible(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must not contain control characters")
    return value


Word = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(storable), AfterValidator(_visible)]


def _whole(value: Any) -> Any:
    """A NumericDate may have a fraction (RFC 7519, section 2); clocks are not accurate enough for it to matter."""
    is_fraction = isinstance(value, Decimal | float) and 0 <= value <= MAX_TIME
    return int(value) if is_fraction else value


Moment = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=MAX_TIME)]
"""Whole seconds since the Unix epoch."""
Id = Annotated[int, Field(ge=1, le=MAX_ID)]


class CallerClaims(BaseModel):
    """Strict: neither booleans nor quoted digits are integers."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    iss: str
    sub: Word
    org: Id
    exp: Moment
    iat: Moment
    nbf: Moment = 0
    name: Annotated[str, Field(max_length=255), AfterValidator(storable)] = ""
    user_type: UserType
    permissions: Annotated[list[Annotated[Word, Field(max_length=100)]], Field(max_length=100)] = []
    employee_id: Id | None = None
    company_ids: Annotated[list[Id], Field(max_length=MAX_COMPANIES)] = []


class InternalClaims(CallerClaims):
    """The claims of an internal token, issued by a trusted signer for one service."""

    aud: str
    jti: Word
    org: Annotated[int, Field(ge=EVERY_ORGANISATION, le=MAX_ID)]

    @model_validator(mode="after")
    def _of_one_organisation(self) -> Self:
        of_gateway = not OF_GATEWAY.isdisjoint(self.permissions)
        if self.org == EVERY_ORGANISATION and not of_gateway and not {STATES, POSITION} & set(self.permissions):
            raise ValueError("only services ask about every organisation")
        if self.org != EVERY_ORGANISATION and of_gateway:
            raise ValueError("what the gateway asks in its own name is of no organisation")
        return self
