"""What a password may be: long, and none that attackers try first (NIST SP 800-63B, section 5.1.1.2; ASVS 5.0, 6.2)."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from shared.errors import ValidationFailed

MIN_PASSWORD: Final = 12
MAX_PASSWORD: Final = 1024
"""Characters in Unicode's normal form C."""
FEWEST_CHARACTERS: Final = 5
"""Different ones in a password."""
_COMMON: Final = Path(__file__).with_name("common_passwords.txt")
_PRODUCT: Final = "muster"

_AROUND_WORD = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_REPEATED = re.compile(r"(.+?)\1+\Z", re.DOTALL)
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


def check_new_password(field: str, password: str, name: str, email: str) -> None:
    """Whether the user with this name and address may have the password, which is in normal form C.

    Raises `ValidationFailed`, whose reason stands at `field`.
    """
    reason = _reason_against(password, name, email)
    if reason is not None:
        raise ValidationFailed({field: [reason]})


def _reason_against(password: str, name: str, email: str) -> str | None:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        return f"Must have {MIN_PASSWORD} to {MAX_PASSWORD} characters."
    if len(set(password.casefold())) < FEWEST_CHARACTERS:
        return f"Must have at least {FEWEST_CHARACTERS} different characters."
    forms = set(_simple_forms(password.casefold()))
    if forms & common_passwords():
        return "Is too common. Choose one that nobody else would think of."
    if {_alphanumeric(form) for form in forms} & set(_own_words(name, email)):
        return "Must not be made of your name or email address."
    return None


def _simple_forms(password: str) -> Iterator[str]:
    """The password, what it repeats, and the word that is at least half of it: `Password2026!` is no better than
    `password`."""
    for text in (password, _once(password)):
        yield text
        word = _AROUND_WORD.sub("", text)
        if 2 * len(word) >= len(text):
            yield word
            yield _once(word)


def _once(text: str) -> str:
    """What the text repeats, or else all of it."""
    repeated = _REPEATED.match(text)
    return text if repeated is None else repeated[1]


def _own_words(name: str, email: str) -> Iterator[str]:
    local_part, _, domain = email.rpartition("@")
    for word in (name, "".join(reversed(name.split())), email, local_part, domain, _PRODUCT):
        yield _alphanumeric(word.casefold())


def _alphanumeric(text: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", text)


@cache
def common_passwords() -> frozenset[str]:
    """In lower case; the file says where they come from."""
    _, _, listed = _COMMON.read_text(encoding="utf-8").partition("\n\n")
    return frozenset(listed.split("\n")) - {""}
