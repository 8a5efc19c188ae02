"""Compares a service's replicas with their owners' rows while the system runs.

Both sides change meanwhile, so one comparison proves nothing: a row that differs is compared again once the events in
flight have been applied, and counts only if it still differs and has not changed.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.projections.comparison import LAST, Comparison, Difference, ReplicaTable
from shared.projections.keys import FIRST, MAX_PAGE, Key, key_of
from shared.projections.snapshot import SnapshotClient

MAX_SUSPECTS = 10_000
"""Rows of one table that are compared again; with more of them, the rest of the table is not compared."""
MAX_COMPARISONS = 3
"""Repeated comparisons at most, for rows that change each time."""


@dataclass(frozen=True, slots=True)
class Verified:
    """`rows` is how many of the owner's rows were compared."""

    replica: ReplicaTable
    rows: int
    differences: Sequence[Difference]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Verification:
    """`settle`: seconds until a row is compared again; `pause`: seconds between two pages, to limit the load."""

    comparison: Comparison
    owners: Mapping[str, SnapshotClient]
    settle: float
    pause: float = 0.0

    async def verify(self) -> list[Verified]:
        """Table by table; raises `Unavailable` when an owner cannot be asked."""
        return [await self.verify_table(replica) for replica in self.comparison.projection.replicas]

    async def verify_table(self, replica: ReplicaTable) -> Verified:
        suspects: list[Difference] = []
        rows, after = 0, FIRST
        while after != LAST and len(suspects) < MAX_SUSPECTS:
            events = await self.owners[replica.owner].page(replica.kind, after)
            upto = key_of(events[-1]) if len(events) == MAX_PAGE else LAST
            async with self.comparison.connection.transaction(readonly=True):
                await self.comparison.write(events)
                suspects += await self.comparison.differences_between(replica, after, upto)
            rows, after = rows + len(events), upto
            await asyncio.sleep(self.pause)
        return Verified(replica, rows, await self._settled(replica, suspects), after == LAST)

    async def _settled(self, replica: ReplicaTable, suspects: Sequence[Difference]) -> list[Difference]:
        """Those that still differ in the same version."""
        settled: list[Difference] = []
        for _ in range(MAX_COMPARISONS):
            if not suspects:
                return settled
            await asyncio.sleep(self.settle)
            before = {suspect.key: suspect.replica_version for suspect in suspects}
            again = await self._compare_again(replica, list(before))
            settled += [difference for difference in again if difference.replica_version == before[difference.key]]
            suspects = [difference for difference in again if difference.replica_version != before[difference.key]]
        return [*settled, *suspects]

    async def _compare_again(self, replica: ReplicaTable, keys: Sequence[Key]) -> list[Difference]:
        found: list[Difference] = []
        for start in range(0, len(keys), MAX_PAGE):
            chunk = keys[start : start + MAX_PAGE]
            events = await self.owners[replica.owner].current(replica.kind, chunk)
            async with self.comparison.connection.transaction(readonly=True):
                await self.comparison.write(events)
                found += await self.comparison.differences_of(replica, chunk)
            await asyncio.sleep(self.pause)
        return found
