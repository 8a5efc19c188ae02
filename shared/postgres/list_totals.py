"""Checks and corrects the totals of lists, which triggers maintain, against the rows they count (decision 8).

Rows and totals are read in one statement, and so in one snapshot: changes in progress make no difference.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from shared.postgres.pool import Connection

# The schema is explicit because temporary tables may hide the real ones (shared/projections/comparison.py).
_WRONG = """
SELECT {cell}, coalesce(kept.total, 0) AS kept, coalesce(counted.total, 0) AS counted
FROM (SELECT {cell}, sum(total)::bigint AS total FROM public.{listed}_totals GROUP BY {cell}) kept
FULL JOIN public.{listed}_counted counted USING ({cell})
WHERE coalesce(kept.total, 0) <> coalesce(counted.total, 0)
ORDER BY {cell}
"""

# Adds a row with the difference to the cell, so that rows changed by others need no lock.
_CORRECT = "INSERT INTO public.{listed}_totals ({cell}, total) SELECT {cell}, counted - kept FROM ({wrong}) wrong"


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals of the table `listed`; `cell` names the columns that a total is kept for, organisation first."""

    listed: str
    cell: tuple[str, ...]

    @property
    def wrong(self) -> str:
        return _WRONG.format(listed=self.listed, cell=", ".join(self.cell))

    @property
    def correct(self) -> str:
        return _CORRECT.format(listed=self.listed, cell=", ".join(self.cell), wrong=self.wrong)


async def wrong_totals(connection: Connection, totals: Totals) -> AsyncIterator[str]:
    """A sentence for each total that differs from the number of its rows."""
    for row in await connection.fetch(totals.wrong):
        cell = ", ".join(f"{name} {row[name]}" for name in totals.cell)
        yield f"total of {totals.listed} with {cell}: {row['kept']} instead of {row['counted']}"


async def correct_totals(connection: Connection, all_totals: Sequence[Totals]) -> int:
    """Corrects the totals; returns how many it changed."""
    return sum([int((await connection.execute(totals.correct)).split()[-1]) for totals in all_totals])
