"""Files go in and lists come out while processes die: what was accepted is applied once, and what is broken off shows
it."""

import asyncio

import asyncpg
import pytest

from tests.faults.bed import Bed
from tests.faults.ledger import Ledger
from tests.faults.moving import FIRST_ID
from tests.faults.run import broken_promises, story
from tests.support.eventually import eventually

SEED = 12
ROUNDS = 3

pytestmark = pytest.mark.timeout(180)


async def moved(ledger: Ledger, files: int, lists: int) -> None:
    """Returns once so many more have gone in and come out."""
    files, lists = ledger.imported + files, ledger.exported + lists

    async def so_many() -> bool:
        return ledger.imported >= files and ledger.exported >= lists

    await eventually(so_many)


async def test_files_and_lists_survive_killed_services(bed: Bed) -> None:
    async with story(bed, SEED) as ledger:
        for _ in range(ROUNDS):
            await moved(ledger, files=1, lists=1)
            for process in bed.copies_of("enrollment"):
                await process.kill()
            ledger.tell("enrollment killed")
            await asyncio.gather(*(process.launch() for process in bed.copies_of("enrollment")))
        await moved(ledger, files=1, lists=1)
    assert ledger.imported > ROUNDS
    assert ledger.exported > ROUNDS


async def test_control_somebody_who_is_lost_is_missed(bed: Bed) -> None:
    async with broken_promises(bed, SEED, of="I12: person") as ledger:
        await moved(ledger, files=1, lists=1)
        await eventually(lambda: somebody_is_lost(bed))


async def somebody_is_lost(bed: Bed) -> bool:
    database = await asyncpg.connect(bed.database_urls["enrollment"], timeout=5)
    try:
        return await database.execute("DELETE FROM people WHERE id = $1", FIRST_ID) != "DELETE 0"
    finally:
        await database.close()
