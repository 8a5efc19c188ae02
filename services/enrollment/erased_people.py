"""`erased-people`: erases again whom a restored backup of enrollment has back."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from services.enrollment.store import erasing as store
from services.enrollment.use_cases.change_set import in_transaction
from services.enrollment.use_cases.erasing import erase_again
from shared.observability import own_trace
from shared.postgres import erased_people
from shared.postgres.audit import Actor
from shared.postgres.erased_people import Erased
from shared.postgres.pool import Connection, Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service.erased_people_commands import erased_people_command

PAGE: Final = 5000
"""People whose ids one statement compares with the list."""
REASON: Final = "Erased again in a restored backup"


async def _list(connection: Connection, erased: Sequence[Erased]) -> None:
    await erased_people.add(connection, erased)


async def erase_listed(pool: Pool) -> int:
    """How many people were in the list and not erased."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        organisations = await erased_people.organisations(connection)
    return sum([await _erase_listed_of(pool, each) for each in organisations])


async def _erase_listed_of(pool: Pool, organisation_id: int) -> int:
    count, after = 0, 0
    actor = Actor("enrollment", "Enrollment", own_trace())
    while True:
        async with transaction(pool, [organisation_id]) as connection:
            last, ids = await store.back_again(connection, organisation_id, after, PAGE)
        for person_id in ids:
            work = partial(
                erase_again, organisation_id=organisation_id, person_ids=[person_id], reason=REASON, actor=actor
            )
            await in_transaction(pool, organisation_id, work)
        if last is None:
            return count
        count, after = count + len(ids), last


ERASED_PEOPLE = erased_people_command("enrollment", _list, erase_listed, "people are erased again")
