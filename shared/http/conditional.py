"""Conditional requests (RFC 9110, section 13): `If-None-Match` on reads, `If-Match` against lost updates.

An entity tag is `"<row>-<version>-<checksum>"`. Reads compare all of it: counts of other rows stand in a document and
move without its version. Changes compare row and version: those counts are nobody's lost update, and a tag of another
row says nothing about this one, whatever its version.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from shared.errors import PreconditionFailed

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
_CHECKSUM = re.compile(r'[0-9a-f]{8}"\Z')
_ANY = frozenset({"*"})
"""Whatever there is; every other tag has quotes around it."""


class RowKey(NamedTuple):
    """Which row a tag belongs to: people of two organisations share their ids."""

    kind: str
    organisation_id: int
    id: int = 0

    def tag(self, version: int) -> str:
        """How all tags of this version begin."""
        return f'"{self.kind}-{self.organisation_id}-{self.id}-{version}-'


@dataclass(frozen=True, slots=True)
class Document:
    """One row as clients read it, with its version; `text` is JSON."""

    row: RowKey
    version: int
    text: str

    @property
    def etag(self) -> str:
        return f'{self.row.tag(self.version)}{crc32(self.text.encode()):08x}"'


@dataclass(frozen=True, slots=True)
class Conditions:
    """Entity tags, or `*`, that the request named; `None` where it made no condition. No tag: it is never met."""

    if_match: frozenset[str] | None = None
    """A change may start from these."""
    if_none_match: frozenset[str] | None = None
    """The client holds these already; a change may not start from them."""

    def check(self, row: RowKey, version: int) -> None:
        """Raises `PreconditionFailed` unless a change may start from this version of the row, 0 being no row at all."""
        if self.if_match is not None and not _names(self.if_match, row, version):
            raise PreconditionFailed
        if self.if_none_match is not None and _names(self.if_none_match, row, version):
            raise PreconditionFailed

    def holds(self, document: Document) -> bool:
        """Whether the client has just this document."""
        return self.if_none_match is not None and bool(self.if_none_match & {document.etag, "*"})


UNCONDITIONAL = Conditions()


def read_conditions(if_match: Sequence[str], if_none_match: Sequence[str]) -> Conditions:
    """From the values of the two headers. A weak tag matches in `If-None-Match` alone (section 13.1.1)."""
    return Conditions(
        _tags(if_match, weak=False) if if_match else None,
        _tags(if_none_match, weak=True) if if_none_match else None,
    )


def _tags(values: Sequence[str], *, weak: bool) -> frozenset[str]:
    if [value.strip() for value in values] == ["*"]:
        return _ANY
    return frozenset(f'"{tag}"' for is_weak, tag in _TAG.findall(",".join(values)) if weak or not is_weak)


def _names(tags: frozenset[str], row: RowKey, version: int) -> bool:
    return version > 0 and (tags == _ANY or any(_is_of(tag, row.tag(version)) for tag in tags))


def _is_of(tag: str, beginning: str) -> bool:
    return tag.startswith(beginning) and _CHECKSUM.fullmatch(tag, len(beginning)) is not None
