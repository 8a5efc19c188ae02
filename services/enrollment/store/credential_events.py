"""SQL of the events of credentials: of which of them some are not published."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.events.states import CredentialState
from shared.postgres.pool import Connection
from shared.postgres.statement_columns import ArrayColumns

ISSUED: Final = 1
REVOKED: Final = 2
"""The versions of a credential, each of which has one event."""

_VERSION = f"CASE WHEN c.revoked_at IS NULL THEN {ISSUED} ELSE {REVOKED} END"
# Enrollments and records have ids of one sequence.
_TO_TELL = f"""
SELECT c.organisation_id, c.told, c.id, {_VERSION} AS version, c.employee_id, e.id AS enrollment_id,
    CASE WHEN e.id IS NULL THEN c.of_id END AS record_id, c.issued_at, c.revoked_at
FROM credentials c LEFT JOIN enrollments e ON e.organisation_id = c.organisation_id AND e.id = c.of_id
WHERE c.told < {_VERSION}
ORDER BY c.organisation_id, c.id LIMIT $1
FOR NO KEY UPDATE OF c SKIP LOCKED
"""  # noqa: S608 - of constants alone
_TOLD = ArrayColumns(organisation_id="bigint", id="bigint", version="smallint")
_MARK_TOLD = f"""
UPDATE credentials c SET told = told.version FROM {_TOLD.unnest("told")}
WHERE c.organisation_id = told.organisation_id AND c.id = told.id
"""  # noqa: S608 - of constants alone


@dataclass(frozen=True, slots=True)
class ToTell:
    """A credential as it is, and the version that was published last; 0 is none."""

    organisation_id: int
    told: int
    state: CredentialState


async def lock_to_tell(connection: Connection, limit: int) -> list[ToTell]:
    """The next credentials of which not every version is published. Nobody else publishes any of these until the
    transaction ends."""
    rows = await connection.fetch(_TO_TELL, limit)
    return [ToTell(row["organisation_id"], row["told"], CredentialState.model_validate(dict(row))) for row in rows]


async def mark_told(connection: Connection, told: Sequence[ToTell]) -> None:
    columns = [
        {"organisation_id": each.organisation_id, "id": each.state.id, "version": each.state.version} for each in told
    ]
    await connection.execute(_MARK_TOLD, *_TOLD.arrays(columns))
