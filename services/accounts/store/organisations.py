"""SQL of organisations."""

from services.accounts.errors import OrganisationExists, OrganisationNotFound
from services.accounts.organisation_rules import Organisation
from services.accounts.schemas_organisations import OrganisationDocument
from shared.postgres.pool import Connection

_COLUMNS = "organisation_id AS id, version, name, suspended_at"
_LOCK = f"SELECT {_COLUMNS} FROM organisations WHERE organisation_id = $1 FOR UPDATE"  # noqa: S608 - of constants alone

_INSERT = f"""
INSERT INTO organisations (organisation_id, name) VALUES (coalesce($1, nextval('organisation_ids')), $2)
ON CONFLICT (organisation_id) DO NOTHING
RETURNING {_COLUMNS}
"""  # noqa: S608 - of constants alone

_UPDATE = f"""
UPDATE organisations SET version = version + 1, name = $2,
    suspended_at = CASE WHEN $3 THEN coalesce(suspended_at, now()) END
WHERE organisation_id = $1
RETURNING {_COLUMNS}
"""  # noqa: S608 - of constants alone


async def lock(connection: Connection, organisation_id: int) -> Organisation | None:
    """The organisation, kept from other changes until the transaction ends."""
    row = await connection.fetchrow(_LOCK, organisation_id)
    return None if row is None else Organisation(**row)


async def insert(connection: Connection, organisation_id: int | None, name: str) -> Organisation:
    """The new organisation, with the next id of its own unless it has one; raises `OrganisationExists`.

    The transaction has to see all organisations.
    """
    row = await connection.fetchrow(_INSERT, organisation_id, name)
    if row is None:
        raise OrganisationExists
    return Organisation(**row)


async def update(connection: Connection, organisation_id: int, document: OrganisationDocument) -> Organisation:
    """The organisation's next version; raises `OrganisationNotFound`."""
    row = await connection.fetchrow(_UPDATE, organisation_id, document.name, document.suspended)
    if row is None:
        raise OrganisationNotFound
    return Organisation(**row)
