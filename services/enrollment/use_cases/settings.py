"""What an organisation sets for itself."""

from typing import Any

from services.enrollment.errors import ChangedMeanwhile
from services.enrollment.schemas import OrganisationSettings
from services.enrollment.store import settings as store
from services.enrollment.use_cases.change_set import in_transaction
from shared.http.conditional import UNCONDITIONAL, Conditions, Document
from shared.postgres import audit_trail
from shared.postgres.audit import Actor, AuditEntry, differences
from shared.postgres.pool import Connection, Pool
from shared.security_log import SecurityEvent, record


async def save_settings(
    pool: Pool,
    organisation_id: int,
    wanted: OrganisationSettings,
    actor: Actor,
    conditions: Conditions = UNCONDITIONAL,
) -> Document:
    """The settings after the change; raises `PreconditionFailed`."""
    changes: dict[str, Any] = {}

    async def work(connection: Connection) -> Document:
        changes.clear()  # another attempt
        current = await store.settings(connection, organisation_id)
        conditions.check(current.row, current.version)
        before = OrganisationSettings.model_validate_json(current.text)
        if before == wanted:
            return current
        if not await store.save_settings(connection, organisation_id, wanted.time_zone, current.version):
            raise ChangedMeanwhile
        changes.update(differences(before, wanted))
        version, action = current.version + 1, "settings.saved"
        entry = AuditEntry("settings", organisation_id, organisation_id, version, action, actor, changes)
        await audit_trail.add(connection, [entry])
        return await store.settings(connection, organisation_id)

    saved = await in_transaction(pool, organisation_id, work)
    if changes:
        record(SecurityEvent.SETTINGS_CHANGED, subject=actor.subject, organisation_id=organisation_id, changes=changes)
    return saved
