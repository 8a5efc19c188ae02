"""SQL that compares certifications with the completions that they follow from."""

from collections.abc import AsyncIterator

from services.enrollment.store.certifications import CERTIFYING, CertificationKey, counting_of
from shared.postgres.pool import Connection

# The schema is named: this also runs where temporary tables lie over the real ones.
_WRONG = f"""
SELECT organisation_id, course_id, employee_id, c.enrollment_id AS kept, c.valid_until AS kept_until,
    follows.id AS follows, follows.valid_until AS follows_until
FROM public.certifications c
FULL JOIN ({counting_of(CERTIFYING)}) follows USING (organisation_id, course_id, employee_id)
WHERE (c.enrollment_id, c.completed_at, c.valid_until)
    IS DISTINCT FROM (follows.id, follows.completed_at, follows.valid_until)
ORDER BY organisation_id, course_id, employee_id
"""  # noqa: S608 - of constants alone


async def wrong_certifications(connection: Connection) -> AsyncIterator[str]:
    """A sentence for each person and course of which another completion counts than the one that certifies longest, or
    one with other dates."""
    for row in await connection.fetch(_WRONG):
        yield (
            f"certification of organisation {row['organisation_id']}, course {row['course_id']}, person"
            f" {row['employee_id']}: {row['kept']} until {row['kept_until']} instead of {row['follows']} until"
            f" {row['follows_until']}"
        )


async def wrong_keys(connection: Connection) -> list[CertificationKey]:
    """The same people and courses, in an order in which they can be locked."""
    rows = await connection.fetch(_WRONG)
    return [(row["organisation_id"], row["course_id"], row["employee_id"]) for row in rows]
