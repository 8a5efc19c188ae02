"""`./dev faults --obeyed N`: changes that the catalog acknowledges, each followed at once by what must obey it."""

from rich.console import Console
from rich.table import Table

from tests.faults.bed import running_bed
from tests.support.obeyed import CASES, disobeyed

ORGANISATION = 7400


async def obeying(tries: int, console: Console) -> int:
    """So many tries of each case by one client; how many did not obey."""
    table = Table("case", "tries", "disobeyed", title="acknowledged by the catalog, asked of enrollment at once")
    total = 0
    async with running_bed("obeyed") as bed:
        for number, case in enumerate(CASES):
            found = await disobeyed(bed.client(ORGANISATION + number), case, tries)
            table.add_row(case.__name__.replace("_", " "), str(tries), str(len(found)))
            total += len(found)
    console.print(table)
    return total
