"""SQL that holds the totals of lists, which triggers keep, against the rows that they count (decision 8).

Rows and totals are read in one statement and so at one moment: changes under way make no difference.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from shared.postgres.pool import Connection

# The schema is named: this also runs where temporary tables lie over the real ones.
_WRONG = """
SELECT {cell}, coalesce(kept.total, 0) AS kept, coalesce(counted.total, 0) AS counted
FROM (SELECT {cell}, sum(total)::bigint AS total FROM public.{listed}_totals GROUP BY {cell}) kept
FULL JOIN public.{listed}_counted counted USING ({cell})
WHERE coalesce(kept.total, 0) <> coalesce(counted.total, 0)
ORDER BY {cell}
"""

# One more row for the cell, of what is missing: nobody has to be kept from changing the others.
_CORRECT = "INSERT INTO public.{listed}_totals ({cell}, total) SELECT {cell}, counted - kept FROM ({wrong}) wrong"


@dataclass(frozen=True, slots=True)
class Totals:
    """Those of the table `listed`; `cell` are the columns that a total is for, the organisation first."""

    listed: str
    cell: tuple[str, ...]

    @property
    def wrong(self) -> str:
        return _WRONG.format(listed=self.listed, cell=", ".join(self.cell))

    @property
    def correct(self) -> str:
        return _CORRECT.format(listed=self.listed, cell=", ".join(self.cell), wrong=self.wrong)


async def wrong_totals(connection: Connection, totals: Totals) -> AsyncIterator[str]:
    """A sentence for each total that is not the number of its rows."""
    for row in await connection.fetch(totals.wrong):
        cell = ", ".join(f"{name} {row[name]}" for name in totals.cell)
        yield f"total of {totals.listed} with {cell}: {row['kept']} instead of {row['counted']}"


async def correct_totals(connection: Connection, all_totals: Sequence[Totals]) -> int:
    """Makes the totals what the rows come to; how many it changed."""
    return sum([int((await connection.execute(totals.correct)).split()[-1]) for totals in all_totals])
