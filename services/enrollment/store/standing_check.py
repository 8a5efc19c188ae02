"""SQL that compares what is kept of how people stand to what is asked of them with the rules."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from services.enrollment.standings import NOTHING, Kept, Standings, standings_of
from services.enrollment.store.standings import facts
from shared.postgres.pool import Connection

PAGE = 500

_ORGANISATIONS = """
SELECT organisation_id FROM requirements UNION SELECT organisation_id FROM clearances ORDER BY organisation_id
"""
_EVERYBODY_IS_MARKED = """
SELECT EXISTS (SELECT FROM clearance_marks WHERE organisation_id = $1 AND employee_id IS NULL)
    OR EXISTS (SELECT FROM clearance_walks WHERE organisation_id = $1)
"""
_PEOPLE = """
SELECT p.id, EXISTS (
    SELECT FROM clearance_marks m WHERE m.organisation_id = p.organisation_id AND m.employee_id = p.id) AS marked
FROM people p WHERE p.organisation_id = $1 AND p.id > $2 ORDER BY p.id LIMIT $3
"""


async def wrong_standings(connection: Connection) -> AsyncIterator[str]:
    """A sentence for each person of whom something else is kept than the rules say, and who is not about to be looked
    at. One snapshot has what is kept and what it follows from."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for row in await connection.fetch(_ORGANISATIONS):
            organisation_id = row["organisation_id"]
            if not await connection.fetchval(_EVERYBODY_IS_MARKED, organisation_id):
                async for sentence in _wrong_in(connection, organisation_id):
                    yield sentence


async def _wrong_in(connection: Connection, organisation_id: int) -> AsyncIterator[str]:
    after = 0
    while rows := await connection.fetch(_PEOPLE, organisation_id, after, PAGE):
        after = rows[-1]["id"]
        async for sentence in _wrong_of(connection, organisation_id, [row["id"] for row in rows if not row["marked"]]):
            yield sentence


async def _wrong_of(connection: Connection, organisation_id: int, people: Sequence[int]) -> AsyncIterator[str]:
    found = await facts(connection, organisation_id, people)
    for person_id, right in standings_of(found, people).items():
        kept = found.kept.get(person_id)
        if not _is_due(kept, found.moment) and not _says(kept, right):
            lacking = () if kept is None else kept.lacking
            yield (
                f"clearances of organisation {organisation_id}, person {person_id}: lacks {list(lacking)} instead of"
                f" {list(right.lacking)}, or is in grace, or has what ends soon, for others than are kept"
            )


def _is_due(kept: Kept | None, moment: datetime) -> bool:
    return kept is not None and kept.look_at is not None and kept.look_at <= moment


def _says(kept: Kept | None, right: Standings) -> bool:
    if kept is None:
        return right == NOTHING
    ending = tuple(requirement_id for requirement_id, _ in right.ending)
    return (kept.lacking, kept.in_grace, kept.ending) == (right.lacking, right.in_grace, ending)
