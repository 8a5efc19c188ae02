"""The copy of organisations' settings that a service has which reads days: one row of each, UTC where there is none."""

import asyncio
import logging
from collections.abc import Sequence

from shared.concurrency.backoff import Backoff
from shared.errors import Unavailable
from shared.events.types import SettingsSaved
from shared.postgres.pool import Connection, Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.postgres.statement_columns import ArrayColumns
from shared.projections.comparison import ReplicaTable
from shared.projections.keys import FIRST, key_of
from shared.projections.snapshot import SnapshotClient

log = logging.getLogger(__name__)

REPLICA = ReplicaTable("organisation_settings", owner="enrollment", kind="settings")
LONGEST_PAUSE = 30.0
"""Seconds between two attempts to ask the owner at a start."""

_SETTINGS = ArrayColumns(organisation_id="bigint", id="bigint", version="integer", time_zone="text")
_SAVE = _SETTINGS.save_newest(REPLICA.table)


async def save_settings(connection: Connection, events: Sequence[SettingsSaved]) -> None:
    """Keeps the newest version of each organisation's settings, as far as lists need them."""
    rows = [
        {"organisation_id": event.organisation_id, **event.data.model_dump(include={"id", "version", "time_zone"})}
        for event in events
    ]
    await connection.execute(_SAVE, *_SETTINGS.arrays(rows))


async def catch_up(pool: Pool, owner: SnapshotClient) -> None:
    """Copies all settings once, for those that were saved before their event was followed.

    The owner may not run yet, or be of the previous version, which has no such snapshot: it is asked until it answers.
    """
    backoff = Backoff(most=LONGEST_PAUSE)
    while True:
        try:
            return await _copy(pool, owner)
        except Unavailable as error:
            log.warning("the settings of organisations are not copied yet: %r", error)
        await asyncio.sleep(backoff.next())


async def _copy(pool: Pool, owner: SnapshotClient) -> None:
    after = FIRST
    while events := await owner.page(REPLICA.kind, after):
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            await save_settings(connection, [event for event in events if isinstance(event, SettingsSaved)])
        after = key_of(events[-1])
