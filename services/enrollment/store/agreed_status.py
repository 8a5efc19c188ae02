"""SQL of a status that closes a session, from its agreement until the catalog's version with it arrives (decision 4).

`s` is the session's row.
"""

from collections.abc import Mapping

from services.enrollment.rules import SessionKey
from shared.postgres.pool import Connection

AWAITS_COMMIT = "s.version < s.status_agreed_for"
STATUS = f"CASE WHEN {AWAITS_COMMIT} THEN s.agreed_status ELSE s.status END"
"""What counts for whoever wants a seat."""
COMMITTED_WITHIN = "5 seconds"
"""After its agreement. The time limits of its database let the catalog take no longer."""
IN_DOUBT = f"{AWAITS_COMMIT} AND s.status_agreed_at < now() - interval '{COMMITTED_WITHIN}'"
"""Whether the version should have arrived by now: its news is delayed, or the catalog never committed it."""

COLUMNS: Mapping[str, str] = {"agreed_status": "NULL", "status_agreed_for": "0", "status_agreed_at": "NULL"}
"""What holds an agreement in a session's row, and what stands there without one."""
WHEN_SAVED: Mapping[str, str] = {
    name: f"CASE WHEN excluded.version < sessions.status_agreed_for THEN sessions.{name} ELSE {without} END"
    for name, without in COLUMNS.items()
}
"""What becomes of them when a version of the session is saved: it ends the agreements for it and for older ones."""

_AGREE = """
UPDATE sessions s SET agreed_status = $3, status_agreed_for = $4, status_agreed_at = now()
WHERE s.organisation_id = $1 AND s.id = $2 AND s.status_agreed_for <= $4 AND s.version < $4
"""

_FORGET_DOUBTED = f"""
UPDATE sessions s SET {", ".join(f"{name} = {without}" for name, without in COLUMNS.items())}
WHERE s.organisation_id = $1 AND s.id = $2 AND {IN_DOUBT}
"""  # noqa: S608 - of constants alone


async def agree(connection: Connection, key: SessionKey, status: str, version: int) -> None:
    """A locked session has this status for whoever wants a seat, ahead of the catalog's `version` of it."""
    await connection.execute(_AGREE, *key, status, version)


async def forget_doubted(connection: Connection, key: SessionKey) -> None:
    """An agreement in doubt ends, once the catalog has said which version it has."""
    await connection.execute(_FORGET_DOUBTED, *key)
