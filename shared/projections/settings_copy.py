"""The copy of organisations' settings that a service has which reads days: one row of each, UTC where there is none."""

from collections.abc import Sequence

from shared.events.types import SettingsSaved
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns
from shared.projections.comparison import ReplicaTable

REPLICA = ReplicaTable("organisation_settings", owner="enrollment", kind="settings")

_SETTINGS = ArrayColumns(organisation_id="bigint", id="bigint", version="integer", time_zone="text")
_SAVE = _SETTINGS.save_newest(REPLICA.table)


async def save_settings(connection: Connection, events: Sequence[SettingsSaved]) -> None:
    """Keeps the newest version of each organisation's settings, as far as lists need them."""
    rows = [
        {"organisation_id": event.organisation_id, **event.data.model_dump(include={"id", "version", "time_zone"})}
        for event in events
    ]
    await connection.execute(_SAVE, *_SETTINGS.arrays(rows))
