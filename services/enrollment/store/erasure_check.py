"""SQL that finds what is left of people who were erased."""

from collections.abc import AsyncIterator

from shared.events.personal import BLANK
from shared.postgres.erased_people import HASH_OF
from shared.postgres.pool import Connection

_BLANK = {
    "people": "r.employee_id <> '' OR r.full_name <> '' OR r.company_id IS NOT NULL OR r.company_name IS NOT NULL",
    "enrollments": " OR ".join(f"r.{name} IS NOT NULL" for name in BLANK["enrollment"]),
    "external_records": "r.provider <> '' OR r.training_name <> '' OR r.submitted_by_name <> ''"
    " OR r.submitted_by_subject <> '' OR r.certificate_url IS NOT NULL OR r.evidence IS NOT NULL"
    " OR r.reason IS NOT NULL OR r.key IS NOT NULL",
}
_OF_PERSON = {"people": "r.id", "enrollments": "r.employee_id", "external_records": "r.employee_id"}

# The schema is named: this also runs where temporary tables lie over the real ones.
_LEFT = " UNION ALL ".join(
    f"""
    SELECT r.organisation_id, '{table}' AS listed, r.id, 'has something left of somebody who was erased' AS what
    FROM public.{table} r JOIN public.people p ON p.organisation_id = r.organisation_id AND p.id = {_OF_PERSON[table]}
    WHERE p.erased_at IS NOT NULL AND ({left})
    """  # noqa: S608 - of constants alone
    for table, left in _BLANK.items()
)
_HASH = HASH_OF.format(organisation="p.organisation_id", person="p.id")
_LISTED = f"""
    SELECT p.organisation_id, 'people', p.id, CASE WHEN e.hash IS NULL
        THEN 'is erased, but not in the list of those who were'
        ELSE 'is in the list of those who were erased, but is not: a backup that was restored has them back' END
    FROM public.people p LEFT JOIN public.erased_people e
        ON e.organisation_id = p.organisation_id AND e.hash = {_HASH}
    WHERE (p.erased_at IS NULL) <> (e.hash IS NULL)
"""  # noqa: S608 - of constants alone
_WRONG = f"{_LEFT} UNION ALL {_LISTED} ORDER BY 1, 2, 3"


async def half_erased(connection: Connection) -> AsyncIterator[str]:
    """A sentence for each row that has something left of a person who was erased, or is erased without being listed."""
    for row in await connection.fetch(_WRONG):
        yield f"{row['listed']} of organisation {row['organisation_id']}, id {row['id']}: {row['what']}"
