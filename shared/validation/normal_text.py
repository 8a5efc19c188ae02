"""The one form in which texts of clients are stored, so that what looks the same is the same."""

import re
import unicodedata

_BLANKS = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\u200b\u2060\ufeff"
"""White space, and what has no width but stands between words: the byte order mark is left over from files."""
_CHANGES_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Embeddings, overrides and isolates (UAX #9): what follows them is shown in another order than it is stored in."""
_INVISIBLE = re.compile(
    r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff"
    r"\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]+\Z"
)
"""White space, and what Unicode lets nobody see (Default_Ignorable_Code_Point, and the Braille blank)."""


def normal_text(value: str) -> str:
    """The text in NFC (UAX #15), without blanks around it.

    Raises `ValueError` for a character that changes the direction of the text around it, and for a text that nobody
    can see.
    """
    if _CHANGES_DIRECTION.search(value):
        raise ValueError("must not contain characters that change the direction of the text around them")
    if _INVISIBLE.match(value) and not value.isspace():
        raise ValueError("must not consist of invisible characters alone")
    return unicodedata.normalize("NFC", value).strip(_BLANKS)
