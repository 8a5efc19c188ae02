"""SQL that takes over users of an installation of the version before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.accounts.earlier_files import EarlierUser
from services.accounts.users import email_key
from shared.postgres.pool import Connection

# Changes of users wait until the commit: of two imports at once, the second sees what the first has added.
_LOCK = "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"

_TAKEN = "SELECT organisation_id, id, email_key FROM users WHERE id = ANY($1) OR email_key = ANY($2)"

_ADD_ORGANISATIONS = """
INSERT INTO organisations (organisation_id, name)
SELECT organisation_id, 'Organisation ' || organisation_id FROM unnest($1::bigint[]) AS organisation_id
ON CONFLICT DO NOTHING RETURNING organisation_id, name
"""

_ADD = """
INSERT INTO users (organisation_id, id, name, email, email_key, role, employee_id, company_ids, password_hash,
    created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""

# Later users get ids above these. One that somebody made up far above the others would leave no room, and is ignored.
_CONTINUE_IDS = """
SELECT setval('user_ids', greatest((SELECT max(id) FROM users WHERE id < 1::bigint << 53),
    (SELECT last_value FROM user_ids)))
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """Who has an id or an address: their organisation and id."""

    by_id: Mapping[int, tuple[int, int]]
    by_address: Mapping[str, tuple[int, int]]


async def with_ids_or_addresses(connection: Connection, users: Sequence[EarlierUser]) -> Taken:
    """Those who have the ids or addresses of these; nobody else changes users until the transaction ends."""
    await connection.execute(_LOCK)
    addresses = [email_key(user.email) for user in users]
    rows = await connection.fetch(_TAKEN, [user.id for user in users], addresses)
    holders = {row["email_key"]: (row["organisation_id"], row["id"]) for row in rows}
    return Taken({holder[1]: holder for holder in holders.values()}, holders)


async def add_organisations(connection: Connection, organisations: Sequence[int]) -> Mapping[int, str]:
    """Those that were missing, with their names."""
    rows = await connection.fetch(_ADD_ORGANISATIONS, organisations)
    return {row["organisation_id"]: row["name"] for row in rows}


async def add(connection: Connection, users: Sequence[EarlierUser]) -> None:
    await connection.executemany(_ADD, [_values(user) for user in users])
    if users:
        await connection.execute(_CONTINUE_IDS)


def _values(user: EarlierUser) -> tuple[object, ...]:
    return (
        user.organisation_id,
        user.id,
        user.name,
        user.email,
        email_key(user.email),
        user.role,
        user.employee_id,
        list(user.company_ids),
        user.password_hash,
        user.created_at,
    )


async def is_any(connection: Connection) -> bool:
    """Whether the installation has a user; nobody else adds one until the transaction ends."""
    await connection.execute(_LOCK)
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM users)"))
