"""Places in a walk through a list, as clients carry them from step to step (contract, section 1).

A cursor holds the key of the last row that was shown, and a digest of the walk that it belongs to: organisation, list
and filters. It is checked, not signed: who makes one up gets to no row that the list would not show.
"""

import json
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

VERSION: Final = 1
LENGTH: Final = 36
"""Characters. There are no spare bits in them: a place has one text."""

_CURSOR: Final = re.compile(f"[A-Za-z0-9_-]{{{LENGTH}}}")
_PLACE: Final = struct.Struct(">B9sq")
_DIGEST_BYTES: Final = 9


class Place(NamedTuple):
    walk: bytes
    """What `walk_of` makes."""
    after: int
    """The key of the last row that was shown."""


def walk_of(organisation_id: int, path: str, filters: Mapping[str, Any]) -> bytes:
    """A digest of what a walk goes through."""
    asked = json.dumps([organisation_id, path, sorted(filters.items())], ensure_ascii=True)
    return _digest(asked.encode())


def encode(place: Place) -> str:
    text = _PLACE.pack(VERSION, *place)
    return urlsafe_b64encode(text + _digest(text)).decode()


def decode(cursor: str) -> Place:
    """Raises `ValueError` for any other text than `encode` makes."""
    if _CURSOR.fullmatch(cursor):
        version, walk, after = _PLACE.unpack_from(urlsafe_b64decode(cursor))
        place = Place(walk, after)
        if version == VERSION and encode(place) == cursor:
            return place
    raise ValueError("is not a cursor of this API")


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=_DIGEST_BYTES, person=b"muster cursor").digest()
