"""Conditional requests (RFC 9110, section 13): `If-None-Match` on reads, `If-Match` against lost updates.

An entity tag is `"<version>-<checksum>"`. Reads compare all of it: counts of other rows stand in a document and
move without its version. Changes compare the version alone: those counts are nobody's lost update.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from shared.errors import PreconditionFailed

_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
_VERSION = re.compile(r"([1-9][0-9]{0,9})-[0-9a-f]{8}\Z")


@dataclass(frozen=True, slots=True)
class Document:
    """One row as clients read it, with its version; `text` is JSON."""

    version: int
    text: str

    @property
    def etag(self) -> str:
        return f'"{self.version}-{crc32(self.text.encode()):08x}"'


@dataclass(frozen=True, slots=True)
class Conditions:
    """`None` where the request made none; an empty set can never be met."""

    if_match: frozenset[int] | None = None
    """Versions a change may start from."""
    if_none_match: frozenset[str] | None = None
    """Entity tags the client holds already."""

    def check(self, version: int) -> None:
        """Raises `PreconditionFailed` unless the change may start from this version."""
        if self.if_match is not None and version not in self.if_match:
            raise PreconditionFailed

    def holds(self, document: Document) -> bool:
        """Whether the client has just this document."""
        return self.if_none_match is not None and document.etag in self.if_none_match


UNCONDITIONAL = Conditions()


def read_conditions(if_match: Sequence[str], if_none_match: Sequence[str]) -> Conditions:
    """From the values of the two headers. `If-Match: *` asks only that the row exists, which a change does anyway."""
    versions = None if _is_absent(if_match) else frozenset(map(_version, _tags(if_match)))
    tags = None if _is_absent(if_none_match) else frozenset(f'"{tag}"' for tag in _tags(if_none_match))
    return Conditions(versions, tags)


def _is_absent(values: Sequence[str]) -> bool:
    return not values or [value.strip() for value in values] == ["*"]


def _tags(values: Sequence[str]) -> list[str]:
    return _TAG.findall(",".join(values))


def _version(tag: str) -> int:
    """0, which no row has, for a tag that was never ours."""
    match = _VERSION.match(tag)
    return int(match[1]) if match else 0
