"""SQL that compares the seats taken with the enrollments that hold them."""

from collections.abc import AsyncIterator

from shared.postgres.pool import Connection

# The schema is named: this also runs where temporary tables lie over the real ones.
_WRONG_SEATS = """
SELECT s.organisation_id, s.id, s.seats_taken, coalesce(e.held, 0) AS held
FROM public.sessions s LEFT JOIN (
    SELECT organisation_id, session_id, count(*) AS held FROM public.enrollments WHERE holds_seat GROUP BY 1, 2
) e ON e.organisation_id = s.organisation_id AND e.session_id = s.id
WHERE s.seats_taken <> coalesce(e.held, 0)
ORDER BY 1, 2
"""


async def wrong_seats(connection: Connection) -> AsyncIterator[str]:
    """A sentence for each session of which other seats are taken than are held."""
    for row in await connection.fetch(_WRONG_SEATS):
        yield (
            f"seats of session {row['id']} of organisation {row['organisation_id']}:"
            f" {row['seats_taken']} taken, {row['held']} held"
        )
