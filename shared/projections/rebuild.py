"""Rebuilds a service's replicas from their owners' snapshots, while the service runs (decision 5)."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.concurrency.backoff import Backoff
from shared.postgres.errors import DatabaseUnavailable
from shared.projections.comparison import Comparison, Replaced, ReplicaTable
from shared.projections.keys import FIRST, MAX_PAGE, Key, key_of
from shared.projections.snapshot import SnapshotClient

_LOCK = 0x72656275696C64
"""Any number, the same in every process: two rebuilds of one database do not run at once."""
ROUNDS = 10
"""Of catching up before the switch; each is shorter than the one before."""
SWITCH_ATTEMPTS = 10
PROGRESS_EVERY = 20_000


class RebuildRunning(Exception):
    """Another rebuild of the same database has not ended yet."""


async def lock_rebuild(comparison: Comparison) -> None:
    """Locks out other rebuilds of this database until the connection ends; raises `RebuildRunning`."""
    if not await comparison.connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
        raise RebuildRunning


@dataclass
class Rebuilding:
    """`comparison` keeps its rows; `report` gets the progress as sentences."""

    comparison: Comparison
    owners: Mapping[str, SnapshotClient]
    report: Callable[[str], None]
    _asked: dict[tuple[str, Key], int] = field(default_factory=dict)
    """The version that a copy had when its owner was asked about it for the last time."""

    async def run(self) -> tuple[list[Replaced], int]:
        """What was changed in each table, and how many counts were corrected.

        Raises `RebuildRunning`, or `Unavailable` when an owner cannot be asked: nothing is changed then.
        """
        await lock_rebuild(self.comparison)
        for replica in self.comparison.projection.replicas:
            await self._fetch(replica)
        for _ in range(ROUNDS):
            asked = await self._catch_up()
            self.report(f"{asked} rows had changed meanwhile")
            if asked <= MAX_PAGE:
                break
        return await self._switch_in_time()

    async def _fetch(self, replica: ReplicaTable) -> None:
        after, rows, reported = FIRST, 0, 0
        while events := await self.owners[replica.owner].page(replica.kind, after):
            async with self.comparison.connection.transaction():
                await self.comparison.write(events)
            after, rows = key_of(events[-1]), rows + len(events)
            if rows - reported >= PROGRESS_EVERY:
                reported = rows
                self.report(f"{replica.table}: {rows} rows so far")
        await self.comparison.analyze(replica)
        self.report(f"{replica.table}: {rows} rows from {replica.owner}")

    async def _catch_up(self, *, final: bool = False) -> int:
        """Asks again about replica rows that are newer than the snapshot; how many there were.

        An owner that is asked after a replica row had a version knows that version, or the replica is wrong. A wrong
        row is not asked about in every round, but in the `final` one it is: it may have ignored an event.
        """
        return sum([await self._catch_up_with(replica, final) for replica in self.comparison.projection.replicas])

    async def _catch_up_with(self, replica: ReplicaTable, final: bool) -> int:
        after, count = FIRST, 0
        while newer := await self.comparison.newer_copies(replica, after, MAX_PAGE):
            after = max(newer)
            asked = {} if final else self._asked
            new = [key for key, version in newer.items() if asked.get((replica.table, key)) != version]
            if new:
                events = await self.owners[replica.owner].current(replica.kind, new)
                async with self.comparison.connection.transaction():
                    await self.comparison.write(events)
            self._asked |= {(replica.table, key): newer[key] for key in new}
            count += len(new)
        return count

    async def _switch_in_time(self) -> tuple[list[Replaced], int]:
        """The switch, again if somebody holds a lock for too long."""
        backoff = Backoff()
        for _ in range(SWITCH_ATTEMPTS - 1):
            try:
                return await self._switch()
            except DatabaseUnavailable as error:
                if self.comparison.connection.is_closed():
                    raise
                self.report(f"the switch waits: {error!r}")
            await asyncio.sleep(backoff.next())
        return await self._switch()

    async def _switch(self) -> tuple[list[Replaced], int]:
        """In one transaction that locks consumers out: asks for what they applied last, then replaces everything."""
        projection = self.comparison.projection
        async with self.comparison.connection.transaction():
            await self.comparison.lock_out_consumers()
            stopped = time.monotonic()
            await self._catch_up(final=True)
            replaced = [await self.comparison.replace(replica) for replica in projection.replicas]
            recounted = await projection.recount(self.comparison.connection) if projection.recount else 0
        self.report(f"switched; consumers waited for {time.monotonic() - stopped:.1f} s")
        return replaced, recounted
