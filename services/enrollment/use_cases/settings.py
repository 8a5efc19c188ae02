"""What an organisation sets for itself."""

from services.enrollment.errors import ChangedMeanwhile
from services.enrollment.schemas import OrganisationSettings
from services.enrollment.store import settings as store
from services.enrollment.use_cases.changes import in_transaction
from shared.database import Connection, Pool
from shared.http.conditional import UNCONDITIONAL, Conditions, Document


async def save_settings(
    pool: Pool, organisation_id: int, wanted: OrganisationSettings, conditions: Conditions = UNCONDITIONAL
) -> Document:
    """The settings as they stand then; raises `PreconditionFailed`."""

    async def work(connection: Connection) -> Document:
        current = await store.settings(connection, organisation_id)
        conditions.check(current.row, current.version)
        if OrganisationSettings.model_validate_json(current.text) == wanted:
            return current
        if not await store.save_settings(connection, organisation_id, wanted.time_zone, current.version):
            raise ChangedMeanwhile
        return await store.settings(connection, organisation_id)

    return await in_transaction(pool, organisation_id, work)
