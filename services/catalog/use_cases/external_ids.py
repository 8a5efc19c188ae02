"""What the organisation's own system calls a row is one row's."""

from services.catalog.errors import ExternalIdTaken
from services.catalog.schemas import CourseFields, SessionFields
from services.catalog.store import external_ids as store
from services.catalog.store.external_ids import Table
from shared.postgres.pool import Connection


async def check_external_id(
    connection: Connection,
    table: Table,
    organisation_id: int,
    current: CourseFields | SessionFields | None,
    changed: CourseFields | SessionFields,
) -> None:
    """Raises `ExternalIdTaken` where another row has the one that this row takes; nobody else can take it then."""
    taken = changed.external_id
    if taken is None or (current is not None and current.external_id == taken):
        return
    holder = (await store.lock(connection, table, organisation_id, [taken])).get(taken)
    if holder is not None:
        raise ExternalIdTaken(table.removesuffix("s"), holder)
