"""SQL of the list of people who were erased: what a restored backup has of them is erased again (decision 30).

It has no ids, but their SHA-256 together with the organisation's id: whoever reads it alone learns how many there are.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from shared.postgres.pool import Connection

HASH_OF = "sha256(convert_to({organisation} || '/' || {person}, 'UTF8'))"
"""SQL of `hash_of`, with expressions for the two ids."""

_ADD = """
INSERT INTO erased_people (organisation_id, hash, erased_at)
SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::timestamptz[])
ON CONFLICT (organisation_id, hash) DO NOTHING
RETURNING organisation_id, hash, erased_at
"""
_PAGE = """
SELECT organisation_id, hash, erased_at FROM erased_people
WHERE (organisation_id, hash) > ($1, $2) ORDER BY organisation_id, hash LIMIT $3
"""
_ORGANISATIONS = "SELECT DISTINCT organisation_id FROM erased_people ORDER BY 1"
_KNOWN = """
SELECT organisation_id, hash FROM erased_people
WHERE (organisation_id, hash) IN (SELECT * FROM unnest($1::bigint[], $2::bytea[]))
"""

Key = tuple[int, bytes]
"""Organisation and hash."""
FIRST: Key = (0, b"")


class Erased(NamedTuple):
    organisation_id: int
    hash: bytes
    erased_at: datetime

    @property
    def key(self) -> Key:
        return self.organisation_id, self.hash


def hash_of(organisation_id: int, person_id: int) -> bytes:
    return hashlib.sha256(f"{organisation_id}/{person_id}".encode()).digest()


async def add(connection: Connection, erased: Sequence[Erased]) -> list[Erased]:
    """Those that were not in the list before."""
    columns = ([each[place] for each in erased] for place in range(3))
    rows = await connection.fetch(_ADD, *columns)
    return [Erased(*row) for row in rows]


async def page(connection: Connection, after: Key, limit: int) -> list[Erased]:
    """The next of all organisations that the transaction sees."""
    return [Erased(*row) for row in await connection.fetch(_PAGE, *after, limit)]


async def organisations(connection: Connection) -> list[int]:
    """Those with anybody in the list."""
    return [row["organisation_id"] for row in await connection.fetch(_ORGANISATIONS)]


async def known(connection: Connection, keys: Sequence[Key]) -> set[Key]:
    """Those of them that are in the list."""
    rows = await connection.fetch(_KNOWN, [key[0] for key in keys], [key[1] for key in keys])
    return {(row["organisation_id"], row["hash"]) for row in rows}
