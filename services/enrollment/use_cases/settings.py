"""What an organisation sets for itself."""

from collections.abc import Sequence
from typing import Any

from services.enrollment.errors import ChangedMeanwhile, TimeZoneUnknown
from services.enrollment.schemas import OrganisationSettings
from services.enrollment.store import settings as store
from services.enrollment.use_cases import SOURCE
from services.enrollment.use_cases.change_set import in_transaction
from shared.events.states import SettingsState
from shared.events.types import OrganisationCreated, SettingsSaved
from shared.http.conditional import UNCONDITIONAL, Conditions, Document
from shared.messaging import outbox
from shared.postgres.audit import Actor, AuditEntry, differences
from shared.postgres.pool import Connection, Pool
from shared.security_log import SecurityEvent, record
from shared.validation.fields import STORED

_UNSET = OrganisationSettings(time_zone="UTC")
"""Of an organisation that has set nothing."""


async def save_settings(
    pool: Pool,
    organisation_id: int,
    wanted: OrganisationSettings,
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
) -> Document:
    """The settings after the change; raises `PreconditionFailed` and `TimeZoneUnknown`."""
    changes: dict[str, Any] = {}

    async def work(connection: Connection) -> Document:
        changes.clear()  # another attempt
        current = await store.settings(connection, organisation_id)
        conditions.check(current.row, current.version)
        before = OrganisationSettings.model_validate_json(current.text, context=STORED)
        if before == wanted:
            return current
        if wanted.time_zone != before.time_zone and not await store.is_known(connection, wanted.time_zone):
            raise TimeZoneUnknown
        if not await store.save_settings(connection, organisation_id, wanted, current.version):
            raise ChangedMeanwhile
        changes.update(differences(before, wanted))
        state = SettingsState(id=organisation_id, version=current.version + 1, **wanted.model_dump())
        event = SettingsSaved(organisation_id, state, actor.trace)
        entry = AuditEntry("settings", organisation_id, state.id, state.version, event.type, actor, changes)
        await outbox.add(connection, SOURCE, [event], [entry])
        return await store.settings(connection, organisation_id)

    saved = await in_transaction(pool, organisation_id, work)
    if changes:
        record(SecurityEvent.SETTINGS_CHANGED, subject=actor.subject, organisation_id=organisation_id, changes=changes)
    return saved


async def begin(connection: Connection, events: Sequence[OrganisationCreated]) -> None:
    """The settings that new organisations begin with, unless they have set some themselves by now."""
    created = [event.data for event in events]
    await store.note_names(connection, created)
    begun = await store.begin_settings(connection, created)
    traces = {event.organisation_id: event.trace for event in events}
    saved = [SettingsSaved(state.id, state, traces[state.id]) for state in begun]
    await outbox.add(connection, SOURCE, saved, [_entry_of_beginning(event) for event in saved])


def _entry_of_beginning(event: SettingsSaved) -> AuditEntry:
    """As accounts has asked for, in the request that made the organisation there."""
    state, actor = event.data, Actor("accounts", "Accounts", event.trace)
    begun = OrganisationSettings.model_construct(time_zone=state.time_zone, booking_clash=state.booking_clash)
    changes = differences(_UNSET, begun)
    return AuditEntry("settings", event.organisation_id, state.id, state.version, event.type, actor, changes)
