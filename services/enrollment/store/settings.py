"""SQL of what an organisation has set for itself."""

import json
from collections.abc import Sequence

from services.enrollment.representations import settings_row
from services.enrollment.schemas import OrganisationSettings
from shared.events.states import OrganisationState, SettingsState
from shared.http.conditional import Document
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped
from shared.postgres.statement_columns import ArrayColumns

_SETTINGS = scoped(
    """
SELECT coalesce(o.version, 1) AS version, coalesce(o.time_zone, 'UTC') AS time_zone,
    coalesce(o.booking_clash, 'warn') AS booking_clash, o.issuer_name, coalesce(o.language, 'en') AS language
FROM (SELECT $1::bigint AS organisation_id) AS asked LEFT JOIN organisation_settings o USING (organisation_id)
""",
    ("bigint",),
)

_SAVE = """
INSERT INTO organisation_settings (organisation_id, time_zone, booking_clash, issuer_name, language, version)
VALUES ($1, $2, $3, $4, $5, $6 + 1)
ON CONFLICT (organisation_id) DO UPDATE SET time_zone = excluded.time_zone, booking_clash = excluded.booking_clash,
    issuer_name = excluded.issuer_name, language = excluded.language, version = excluded.version
WHERE organisation_settings.version = $6
"""

# An organisation that has set something keeps it, however late the event of its creation arrives, and however often.
_BEGINNINGS = ArrayColumns(organisation_id="bigint", time_zone="text", booking_clash="text")
_BEGIN = f"""
INSERT INTO organisation_settings (organisation_id, time_zone, booking_clash, version)
SELECT DISTINCT ON (organisation_id) organisation_id, known_zone(time_zone), booking_clash, 2
FROM {_BEGINNINGS.unnest("begun")}
WHERE (known_zone(time_zone), booking_clash) <> ('UTC', 'warn')
ON CONFLICT (organisation_id) DO NOTHING
RETURNING organisation_id AS id, version, time_zone, booking_clash
"""  # noqa: S608 - of constants alone

_NAMES = """
INSERT INTO organisation_names (organisation_id, name)
SELECT DISTINCT ON (id) id, name FROM unnest($1::bigint[], $2::text[]) AS created (id, name)
ON CONFLICT (organisation_id) DO NOTHING
"""

_IS_KNOWN = "SELECT known_zone($1) = $1"


async def settings(connection: Connection, organisation_id: int) -> Document:
    """The organisation's settings; its time zone is UTC where it has set none, and it is warned of clashes."""
    [row] = await connection.fetch(_SETTINGS, organisation_id)
    shown = {name: row[name] for name in OrganisationSettings.model_fields}
    return Document(settings_row(organisation_id), row["version"], json.dumps(shown))


async def is_known(connection: Connection, time_zone: str) -> bool:
    """Whether PostgreSQL, which reckons the days, knows the time zone."""
    return bool(await connection.fetchval(_IS_KNOWN, time_zone))


async def save_settings(
    connection: Connection, organisation_id: int, wanted: OrganisationSettings, version: int
) -> bool:
    """Writes the settings that follow `version`; whether they still had that version."""
    values = wanted.time_zone, wanted.booking_clash, wanted.issuer_name, wanted.language
    done = await connection.execute(_SAVE, organisation_id, *values, version)
    return done == "INSERT 0 1"


async def note_names(connection: Connection, organisations: Sequence[OrganisationState]) -> None:
    """What organisations are called that were made just now, for their certificates."""
    await connection.execute(_NAMES, [each.id for each in organisations], [each.name for each in organisations])


async def begin_settings(connection: Connection, organisations: Sequence[OrganisationState]) -> list[SettingsState]:
    """Writes the settings that these organisations begin with, where they have none; what was written.

    A time zone that PostgreSQL does not know becomes UTC. What nobody has set is as it always is, and is not written.
    """
    rows = [
        {"organisation_id": each.id, "time_zone": each.time_zone, "booking_clash": each.booking_clash}
        for each in organisations
    ]
    return [SettingsState(**row) for row in await connection.fetch(_BEGIN, *_BEGINNINGS.arrays(rows))]
