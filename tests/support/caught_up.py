"""Whether history has applied all that has happened in an organisation, as the tables of all services say."""

import asyncpg

from tests.support.eventually import eventually
from tests.support.stack import Stack

_OWNED = {
    "people": ("enrollment", "SELECT id, version FROM people WHERE organisation_id = $1"),
    "records": (
        "enrollment",
        "SELECT id, version FROM enrollments WHERE organisation_id = $1"
        " UNION ALL SELECT id, version FROM external_records WHERE organisation_id = $1",
    ),
    **{
        kind: (
            "catalog",
            f"SELECT id, version FROM {kind} WHERE organisation_id = $1"
            f" UNION ALL SELECT id, (state ->> 'version')::integer FROM removed WHERE kind = '{kind}'"
            " AND organisation_id = $1",
        )
        for kind in ("courses", "sessions")
    },
}
"""By history's table: who owns its rows, and their versions there."""


async def history_has_caught_up(stack: Stack, organisation: int) -> None:
    """Returns once history has every row in the version that its owner has."""

    async def same() -> bool:
        for table, (owner, statement) in _OWNED.items():
            copied = f"SELECT id, version FROM {table} WHERE organisation_id = $1"
            assert await _versions(stack, "history", copied, organisation) == await _versions(
                stack, owner, statement, organisation
            )
        return True

    await eventually(same)


async def _versions(stack: Stack, service: str, statement: str, organisation: int) -> set[tuple[int, int]]:
    connection = await asyncpg.connect(stack.database_urls[service], timeout=10)
    try:
        return {(row["id"], row["version"]) for row in await connection.fetch(statement, organisation)}
    finally:
        await connection.close()
