"""The claims that speak of a caller, each of its type and within its bounds (contract, section 2; RFC 7519)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.http.fields import MAX_ID, storable

UserType = Literal["staff", "contractor", "service"]

MAX_TIME = 253_402_300_799
"""The last second of the year 9999."""


def _visible(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must not contain control characters")
    return value


Word = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(storable), AfterValidator(_visible)]
Moment = Annotated[int, Field(ge=0, le=MAX_TIME)]
"""Seconds since the epoch, whole ones."""
Id = Annotated[int, Field(ge=1, le=MAX_ID)]


class CallerClaims(BaseModel):
    """Strict: a boolean is no integer and digits in quotes are none either."""

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
