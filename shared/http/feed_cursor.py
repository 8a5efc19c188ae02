"""Places in the feed of events, as clients carry them (contract, section 8).

A cursor holds the position and id of the last event that was shown, and a digest of the organisation whose feed it is.
It is checked, not signed: who makes one up gets to no event that the feed would not show.
"""

import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Final, NamedTuple

VERSION: Final = 1
LENGTH: Final = 40
"""Characters. There are no spare bits in them: a place has one text."""

_CURSOR: Final = re.compile(f"[A-Za-z0-9_-]{{{LENGTH}}}")
_PLACE: Final = struct.Struct(">B6sqq")
_DIGEST_BYTES: Final = 7
_ORGANISATION_BYTES: Final = 6


class FeedPlace(NamedTuple):
    """In the order of the feed."""

    position: int
    id: int


def organisation_digest(organisation_id: int) -> bytes:
    return blake2b(str(organisation_id).encode(), digest_size=_ORGANISATION_BYTES, person=b"muster feed org").digest()


def encode(organisation_id: int, place: FeedPlace) -> str:
    return _encode(organisation_digest(organisation_id), place)


def decode(cursor: str) -> tuple[bytes, FeedPlace]:
    """The digest of its organisation, and the place; raises `ValueError` for any other text than `encode` makes."""
    if _CURSOR.fullmatch(cursor):
        version, organisation, position, event = _PLACE.unpack_from(urlsafe_b64decode(cursor))
        place = FeedPlace(position, event)
        if version == VERSION and position >= 0 and event >= 0 and _encode(organisation, place) == cursor:
            return organisation, place
    raise ValueError("is not a cursor of this API")


def _encode(organisation: bytes, place: FeedPlace) -> str:
    text = _PLACE.pack(VERSION, organisation, *place)
    return urlsafe_b64encode(text + _digest(text)).decode()


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=_DIGEST_BYTES, person=b"muster feed").digest()
