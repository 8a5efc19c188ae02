"""Where events come from: the one row by which a service's database knows its installation."""

import asyncpg

from shared.postgres.connection import CONNECT_TIMEOUT

# Without the setting the name stays as it is: the migration has made one that no other installation has.
_DESCRIBE = "UPDATE installation SET name = coalesce($1, name), public_url = $2"

BESIDE_EVENTS = "LEFT JOIN installation ON true"
"""Joins the row to a statement's rows. No event may be lost, even where there is none."""

SOURCE = "concat('urn:muster:', installation.name, ':', source)"
"""SQL of an event's `source`: the installation, and the service that is in the column `source`. It needs no quoting
in JSON, as the table's checks see to."""

DATASCHEMA = (
    "concat(coalesce(installation.public_url || '/schemas/', 'urn:muster:schema:'),"
    " 'training.', routing_key, '.v1.json')"
)
"""SQL of an event's `dataschema`: where the gateway serves it. Where nobody has said at which address clients reach the
gateway, it names the document without one."""


async def describe(url: str, name: str | None, public_url: str | None) -> None:
    """Writes the settings for the events from now on; without a `name` the present one stays."""
    connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT)
    try:
        await connection.execute(_DESCRIBE, name, public_url and public_url.rstrip("/"), timeout=60)
    finally:
        await connection.close(timeout=2)
