"""Bodies of the routes for signing in (contract, section 7)."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from services.accounts.password_rules import FEWEST_CHARACTERS, MAX_PASSWORD, MIN_PASSWORD
from shared.http.models import Body, BodyLimits
from shared.validation.fields import one_line, storable
from shared.validation.text_patterns import STORABLE

SMALL_BODY: Final = BodyLimits(max_bytes=8 * 1024, max_values=100)
"""Anybody may send one."""


def _email(value: str) -> str:
    name, at, domain = value.rpartition("@")
    if not (name and at and domain) or any(character.isspace() for character in value):
        raise ValueError("must be an email address")
    return value


Email = Annotated[
    str,
    Field(max_length=254, json_schema_extra={"format": "email"}),
    AfterValidator(storable),
    AfterValidator(_email),
    AfterValidator(one_line),
]
TypedPassword = Annotated[
    str,
    Field(min_length=1, max_length=1024, repr=False, json_schema_extra={"pattern": STORABLE}),
    AfterValidator(storable),
]
"""What somebody types as their password; what one may be is stricter."""
NewPassword = Annotated[TypedPassword, Field(json_schema_extra={"minLength": MIN_PASSWORD, "pattern": STORABLE})]
"""What one may be is checked once it is in normal form (`services.accounts.password_rules`)."""


class Credentials(Body):
    """`refresh_token` asks for one."""

    email: Email
    password: TypedPassword
    refresh_token: bool = False


RULE_OF_PASSWORDS: Final = (
    f"It has {MIN_PASSWORD} to {MAX_PASSWORD} characters, at least {FEWEST_CHARACTERS} different ones; it is none of"
    " the most common ones, and not made of the user's own name or address."
)


class PasswordChange(Body):
    """`refresh_token` asks for a new one, since the change ends those from before."""

    rules = (f"new_password: {RULE_OF_PASSWORDS}",)

    current_password: TypedPassword
    new_password: NewPassword
    refresh_token: bool = False
