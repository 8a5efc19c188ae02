"""SQL of credentials: what they are about, those that were issued, and the keys that sign them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

from services.enrollment.credentials import PLACES, Content, Credential, Subject
from services.enrollment.store.sights import SIGHT_TYPES, in_sight, sight_arguments
from shared.auth.sight import EVERYBODY, Sight
from shared.events.states import Language
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped

Source = Literal["enrollments", "external_records"]
"""The table of what a credential is about."""

_ABOUT: Final[Mapping[Source, str]] = {
    "enrollments": """e.certifies AS certified, NULL::text AS provider,
        coalesce(e.remembered ->> 'training_name', c.title, '') AS training_name""",
    "external_records": """e.status = 'accepted' AND e.passed IS NOT FALSE AS certified, e.provider,
        coalesce(e.remembered ->> 'training_name', e.training_name, c.title, '') AS training_name""",
}
_KEY = """
    LEFT JOIN LATERAL (
        SELECT k.id AS key_id, k.sealed FROM credential_keys k
        WHERE k.organisation_id = {organisation} AND k.sealed IS NOT NULL ORDER BY k.created_at DESC LIMIT 1
    ) k ON true
"""
# The newest one that is issued and not revoked, and beside it what one would say that is issued now.
_FOUND = """
SELECT e.employee_id, e.course_id, e.completed_at, e.valid_until, {about}, p.full_name AS name,
    p.erased_at IS NOT NULL AS erased, coalesce(o.issuer_name, n.name) AS issuer_name,
    coalesce(o.language, 'en') AS language, coalesce(o.time_zone, 'UTC') AS time_zone,
    i.code, i.list, i.place, i.content, i.issued_at, k.key_id, k.sealed, now() AS now
FROM {table} e
JOIN people p ON p.organisation_id = e.organisation_id AND p.id = e.employee_id
LEFT JOIN courses c ON c.organisation_id = e.organisation_id AND c.id = e.course_id
LEFT JOIN organisation_settings o ON o.organisation_id = e.organisation_id
LEFT JOIN organisation_names n ON n.organisation_id = e.organisation_id
LEFT JOIN LATERAL (
    SELECT * FROM credentials i WHERE i.organisation_id = e.organisation_id AND i.of_id = e.id AND i.revoked_at IS NULL
    ORDER BY i.id DESC LIMIT 1
) i ON true
{key}
WHERE e.organisation_id = $1 AND e.id = $2 AND ($3 OR {seen})
"""
_FIND: Final[Mapping[Source, str]] = {
    table: scoped(
        _FOUND.format(
            table=table, about=about, key=_KEY.format(organisation="e.organisation_id"), seen=in_sight("$4", "$5")
        ),
        ("bigint", "bigint", "boolean", *SIGHT_TYPES.values()),
    )
    for table, about in _ABOUT.items()
}

# The person first, as whoever merges or erases people does.
_PERSON = "SELECT employee_id FROM {table} WHERE organisation_id = $1 AND id = $2"
_LOCK_PERSON = "SELECT FROM people WHERE organisation_id = $1 AND id = $2 FOR SHARE"
_LOCK = "SELECT employee_id FROM {table} WHERE organisation_id = $1 AND id = $2 FOR NO KEY UPDATE"

_COUNT = """
INSERT INTO credential_counts AS counted (organisation_id, issued) VALUES ($1, 1)
ON CONFLICT (organisation_id) DO UPDATE SET issued = counted.issued + 1
RETURNING issued
"""
# At least half of the places are free.
_FREE = f"""
SELECT place FROM (SELECT floor(random() * {PLACES})::integer AS place FROM generate_series(1, 64)) AS tried
WHERE NOT EXISTS (
    SELECT FROM credentials c WHERE c.organisation_id = $1 AND c.list = $2 AND c.place = tried.place)
LIMIT 1
"""  # noqa: S608 - of constants alone
_INSERT = """
INSERT INTO credentials (organisation_id, of_id, employee_id, code, code_sha256, list, place, content, told)
VALUES ($1, $2, $3, $4, decode($5, 'hex'), $6, $7, $8, 1)
RETURNING id
"""
_SIGNING_KEY = f"SELECT k.key_id, k.sealed FROM (SELECT) asked {_KEY.format(organisation='$1')}"  # noqa: S608
_ADD_KEY = "INSERT INTO credential_keys (organisation_id, id, public_key, sealed) VALUES ($1, $2, $3, $4)"

_OF_DIGEST = f"""
SELECT i.organisation_id, i.of_id, i.code, i.list, i.place, i.content, i.issued_at,
    coalesce(o.language, 'en') AS language, k.key_id, k.sealed, now() AS now
FROM credentials i LEFT JOIN organisation_settings o ON o.organisation_id = i.organisation_id
{_KEY.format(organisation="i.organisation_id")}
WHERE i.code_sha256 = decode($1, 'hex')
"""  # noqa: S608 - of constants alone
_PUBLISHED = scoped(
    """
SELECT public_key FROM credential_keys WHERE organisation_id = $1 AND withdrawn_at IS NULL ORDER BY created_at DESC
""",
    ("bigint",),
)
_REVOKED = scoped(
    f"""
SELECT (SELECT issued FROM credential_counts WHERE organisation_id = $1) AS issued,
    (SELECT array_agg(place ORDER BY place) FROM credentials
        WHERE organisation_id = $1 AND list = $2 AND revoked_at IS NOT NULL) AS places,
    (now() AT TIME ZONE 'UTC')::date AS today, k.key_id, k.sealed
FROM (SELECT $1 AS organisation_id) asked {_KEY.format(organisation="$1")}
""",  # noqa: S608 - of constants alone
    ("bigint", "integer"),
)


@dataclass(frozen=True, slots=True)
class SealedKey:
    """The key that signs now; `sealed` is its private half."""

    organisation_id: int
    id: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What a credential would be about, the one that was issued, and the key: the last two if there are any."""

    subject: Subject
    credential: Credential | None
    key: SealedKey | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """What a code leads to: no credential where it is revoked. `language` is the organisation's now."""

    credential: Credential | None
    language: Language
    key: SealedKey | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Revoked:
    """The places in a list, and how many credentials the organisation has issued."""

    issued: int
    places: tuple[int, ...]
    today: date
    key: SealedKey | None


async def found(
    connection: Connection, source: Source, place: tuple[int, int], sight: Sight = EVERYBODY
) -> Found | None:
    """`place` is an organisation and an id. None also for what is not in sight."""
    row = await connection.fetchrow(_FIND[source], *place, sight.everybody, *sight_arguments(sight))
    if row is None:
        return None
    credential = None if row["code"] is None else _credential(dict(row), *place)
    return Found(_subject(dict(row)), credential, _key(row, place[0]), row["now"])


def _subject(row: Mapping[str, Any]) -> Subject:
    """What is not certified says nothing."""
    content = Content.model_validate(row) if row["certified"] else None
    return Subject(content, row["employee_id"], erased=row["erased"])


def _credential(row: Mapping[str, Any], organisation_id: int, of_id: int) -> Credential:
    content = Content.model_validate_json(row["content"])
    return Credential(organisation_id, of_id, row["code"], row["list"], row["place"], content, row["issued_at"])


def _key(row: Any, organisation_id: int) -> SealedKey | None:
    return None if row["key_id"] is None else SealedKey(organisation_id, row["key_id"], row["sealed"])


async def lock(connection: Connection, source: Source, place: tuple[int, int]) -> bool:
    """Whether it is there, and still about the same person: neither changes until the transaction ends."""
    organisation_id, _ = place
    person = await connection.fetchval(_PERSON.format(table=source), *place)
    await connection.execute(_LOCK_PERSON, organisation_id, person)
    same: bool = await connection.fetchval(_LOCK.format(table=source), *place) == person
    return same and person is not None


async def count(connection: Connection, organisation_id: int) -> int:
    """Of the organisation's credentials, with the one that is being issued; nobody else issues one until the
    transaction ends."""
    issued: int = await connection.fetchval(_COUNT, organisation_id)
    return issued


async def free_place(connection: Connection, organisation_id: int, list_number: int) -> int:
    """By chance, so that a place says nothing of when a credential was issued."""
    place: int = await connection.fetchval(_FREE, organisation_id, list_number)
    return place


async def insert(connection: Connection, credential: Credential, employee_id: int, digest: str) -> int:
    """Its id. Whoever inserts it publishes that it was issued."""
    row_id: int = await connection.fetchval(
        _INSERT,
        credential.organisation_id,
        credential.of_id,
        employee_id,
        credential.code,
        digest,
        credential.list_number,
        credential.place,
        credential.content.model_dump_json(),
    )
    return row_id


async def signing_key(connection: Connection, organisation_id: int) -> SealedKey | None:
    return _key(await connection.fetchrow(_SIGNING_KEY, organisation_id), organisation_id)


async def add_key(connection: Connection, key: SealedKey, public: Mapping[str, str]) -> None:
    """From now on it signs."""
    await connection.execute(_ADD_KEY, key.organisation_id, key.id, json.dumps(dict(public)), key.sealed)


async def of_digest(connection: Connection, digest: str) -> Shown | None:
    """Of whichever organisation."""
    row = await connection.fetchrow(_OF_DIGEST, digest)
    if row is None:
        return None
    organisation_id = row["organisation_id"]
    credential = None if row["code"] is None else _credential(dict(row), organisation_id, row["of_id"])
    return Shown(credential, row["language"], _key(row, organisation_id), row["now"])


async def published(connection: Connection, organisation_id: int) -> list[Mapping[str, Any]]:
    """Public keys, the one that signs first."""
    return [json.loads(row["public_key"]) for row in await connection.fetch(_PUBLISHED, organisation_id)]


async def revoked(connection: Connection, organisation_id: int, list_number: int) -> Revoked:
    [row] = await connection.fetch(_REVOKED, organisation_id, list_number)
    return Revoked(row["issued"] or 0, tuple(row["places"] or ()), row["today"], _key(row, organisation_id))
