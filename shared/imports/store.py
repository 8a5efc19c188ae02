"""SQL of imports as clients see them, and of files on their way in (contract, section 11)."""

from functools import cache
from typing import Final, NamedTuple

from shared.http.conditional import Document
from shared.http.pagination import MAX_PER_PAGE, PagedQuery
from shared.imports.models import ImportListQuery, ImportQuery, import_row
from shared.postgres.audit import Actor
from shared.postgres.batched_reads import DEEP, PageRead, Statement
from shared.postgres.lists import Window, list_of, page_of
from shared.postgres.pool import Connection
from shared.postgres.row_security import scoped

_ITEM: Final = """json_build_object('id', i.id, 'kind', i.kind, 'mode', i.mode, 'dry_run', i.dry_run,
    'status', i.status, 'lines', i.lines, 'bytes', i.bytes, 'bytes_read', i.bytes_read, 'created', i.created,
    'changed', i.changed, 'unchanged', i.unchanged, 'removed', i.removed, 'refused', i.refused, 'message', i.message,
    'created_at', training_timestamp(i.created_at), 'started_at', training_timestamp(i.started_at),
    'finished_at', training_timestamp(i.finished_at),
    'created_by', json_build_object('subject', i.subject, 'name', i.name))"""
_REFUSAL: Final = "json_build_object('line', r.line, 'field', r.field, 'reason', r.reason, 'text', r.text)"

# One after the other is begun in an organisation: none is counted by somebody who does not see the other's.
_LOCK_ALL: Final = "SELECT pg_advisory_xact_lock(hashtextextended('imports ' || $1::bigint, 0))"
_COUNT_UNFINISHED: Final = """
SELECT count(*) FROM imports WHERE organisation_id = $1 AND status IN ('receiving', 'waiting', 'running')
"""
_BEGIN: Final = """
INSERT INTO imports (organisation_id, kind, mode, dry_run, content_type, subject, name, request_id, traceparent,
    tracestate)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING id
"""
# Sent again after a commit whose answer was lost, a part is there already.
_ADD_PART: Final = """
INSERT INTO import_parts (organisation_id, import_id, number, body)
SELECT organisation_id, id, $3, $4 FROM imports WHERE organisation_id = $1 AND id = $2 AND status = 'receiving'
FOR SHARE
ON CONFLICT DO NOTHING
"""
# Sent again after a commit whose answer was lost, it finds an import that waits already, or runs.
_QUEUE: Final = f"""
UPDATE imports AS i SET status = CASE status WHEN 'receiving' THEN 'waiting' ELSE status END, bytes = $3,
    columns = $4, separator = $5, queued_at = coalesce(queued_at, statement_timestamp())
WHERE organisation_id = $1 AND id = $2 AND status IN ('receiving', 'waiting', 'running')
RETURNING {_ITEM}::text
"""  # noqa: S608 - of constants alone
_FORGET: Final = "DELETE FROM imports WHERE organisation_id = $1 AND id = $2 AND status = 'receiving'"
_FORGET_PARTS: Final = """
DELETE FROM import_parts WHERE organisation_id = $1 AND import_id = $2 AND NOT EXISTS (
    SELECT FROM imports WHERE organisation_id = $1 AND id = $2 AND status IN ('waiting', 'running'))
"""
_DELETE_PARTS: Final = "DELETE FROM import_parts WHERE organisation_id = $1 AND import_id = $2"
_DELETE_ROWS: Final = "DELETE FROM import_rows WHERE organisation_id = $1 AND import_id = $2"

_CANCEL: Final = f"""
UPDATE imports AS i SET status = 'cancelled', finished_at = statement_timestamp(), lease = NULL, leased_until = NULL
WHERE organisation_id = $1 AND id = $2 AND kind = $3 AND status IN ('receiving', 'waiting', 'running')
RETURNING {_ITEM}::text
"""  # noqa: S608 - of constants alone
_EXISTS: Final = "SELECT true FROM imports WHERE organisation_id = $1 AND id = $2 AND kind = $3"

_DETAIL: Final = scoped(
    f"SELECT {_ITEM}::text FROM imports i WHERE i.organisation_id = $1 AND i.id = $2 AND i.kind = $3",  # noqa: S608
    ("bigint", "bigint", "text"),
)
_LAYOUT: Final = scoped(
    "SELECT columns, separator FROM imports WHERE organisation_id = $1 AND id = $2 AND kind = $3",
    ("bigint", "bigint", "text"),
)
_REFUSALS_AFTER: Final = scoped(
    "SELECT number, line, field, reason, text FROM import_refusals"
    " WHERE organisation_id = $1 AND import_id = $2 AND number > $3 ORDER BY number LIMIT $4",
    ("bigint", "bigint", "integer", "integer"),
)


class FileLayout(NamedTuple):
    """The columns of a CSV file and what separates them; None of a file of another type, or one never read."""

    columns: list[str] | None
    separator: str | None


class Refusal(NamedTuple):
    number: int
    line: int
    field: str | None
    reason: str
    text: str | None


async def count_unfinished_alone(connection: Connection, organisation_id: int) -> int:
    """How many there are; nobody else begins one until the transaction ends."""
    await connection.execute(_LOCK_ALL, organisation_id)
    count: int = await connection.fetchval(_COUNT_UNFINISHED, organisation_id)
    return count


async def begin(
    connection: Connection, organisation_id: int, query: ImportQuery, content_type: str, actor: Actor
) -> int:
    """The id of a new import, whose file is on its way."""
    trace = actor.trace
    started: int = await connection.fetchval(
        _BEGIN,
        organisation_id,
        query.kind,
        query.mode,
        query.dry_run,
        content_type,
        actor.subject,
        actor.name,
        trace.request_id,
        trace.traceparent,
        trace.tracestate,
    )
    return started


async def add_part(connection: Connection, place: tuple[int, int], number: int, body: bytes) -> None:
    """Parts of an import that was cancelled meanwhile go nowhere."""
    await connection.execute(_ADD_PART, *place, number, body)


async def queue(connection: Connection, place: tuple[int, int], size: int, layout: FileLayout) -> str | None:
    """The import as JSON text, now that all of its file is there; None if it was cancelled meanwhile."""
    found: str | None = await connection.fetchval(_QUEUE, *place, size, *layout)
    return found


async def forget(connection: Connection, place: tuple[int, int]) -> None:
    """Of a file that did not come whole nothing is left; a cancelled one leaves its job."""
    await connection.execute(_FORGET, *place)
    await connection.execute(_FORGET_PARTS, *place)


async def cancel(connection: Connection, place: tuple[int, int], kind: str) -> str | None:
    """The import as JSON text; None where there is none that could be cancelled."""
    found: str | None = await connection.fetchval(_CANCEL, *place, kind)
    if found is not None:
        await delete_file(connection, place)
    return found


async def delete_file(connection: Connection, place: tuple[int, int]) -> None:
    """The file of an import that has ended, and what it has named."""
    await connection.execute(_DELETE_PARTS, *place)
    await connection.execute(_DELETE_ROWS, *place)


async def exists(connection: Connection, place: tuple[int, int], kind: str) -> bool:
    return bool(await connection.fetchval(_EXISTS, *place, kind))


async def detail(connection: Connection, organisation_id: int, row_id: int, kind: str) -> Document | None:
    """An import has no version of its own: its tag is that of its text."""
    text: str | None = await connection.fetchval(_DETAIL, organisation_id, row_id, kind)
    return None if text is None else Document(import_row(organisation_id, row_id), 1, text)


async def layout(connection: Connection, place: tuple[int, int], kind: str) -> FileLayout | None:
    """None where there is no such import."""
    row = await connection.fetchrow(_LAYOUT, *place, kind)
    return None if row is None else FileLayout(*row)


async def refusals_after(connection: Connection, place: tuple[int, int], number: int, most: int) -> list[Refusal]:
    return [Refusal(*row) for row in await connection.fetch(_REFUSALS_AFTER, *place, number, most)]


def page(organisation_id: int, kind: str, query: ImportListQuery) -> PageRead:
    """How many imports of the kind match, and the page of them, the newest first."""
    status = () if query.status is None else (query.status,)
    statement = _imports_statement(query.window, of_status=bool(status))
    return PageRead(statement, (organisation_id, kind, *status, *query.place), slow=query.offset > DEEP)


def refusals_page(organisation_id: int, import_id: int, kind: str, query: PagedQuery) -> PageRead:
    """Whether there is such an import, how many refusals of it are kept, and the page of them."""
    return PageRead(_refusals_statement(query.window), (organisation_id, import_id, kind, *query.place))


@cache
def _imports_statement(window: Window, *, of_status: bool) -> Statement:
    types = {"status": "text"} if of_status else {}
    condition = " AND i.status = :status" if of_status else ""
    condition += window.changed_at("i.updated_at")
    where = f"i.organisation_id = :organisation_id AND i.kind = :kind{condition}"
    ids = f"SELECT i.id FROM imports i WHERE {where}"  # noqa: S608 - of constants
    listed = list_of(
        total=f"SELECT count(*) FROM ({ids}) AS matched",  # noqa: S608 - of constants
        page=page_of(ids + window.start("i.id", newest_first=True), "id DESC", MAX_PER_PAGE, window),
        joins="JOIN imports i ON i.organisation_id = :organisation_id AND i.id = page.id",
        item=_ITEM,
        order="i.id DESC",
        window=window,
    )
    return Statement(listed, {"organisation_id": "bigint", "kind": "text", **types, **window.types})


@cache
def _refusals_statement(window: Window) -> Statement:
    where = f"r.organisation_id = :organisation_id AND r.import_id = :id{window.changed_at('r.at')}"
    found = "EXISTS (SELECT FROM imports WHERE organisation_id = :organisation_id AND id = :id AND kind = :kind)"
    numbers = f"SELECT r.number FROM import_refusals r WHERE {where}"  # noqa: S608 - of constants
    listed = list_of(
        total=f"SELECT count(*) FROM ({numbers}) AS matched",  # noqa: S608 - of constants
        page=page_of(numbers + window.start("r.number"), "number", MAX_PER_PAGE, window),
        joins=f"JOIN import_refusals r ON {where} AND r.number = page.number",
        item=_REFUSAL,
        order="r.number",
        window=window,
        key="number",
    )
    text = f"SELECT {found} AS found, listed.* FROM ({listed}) AS listed"  # noqa: S608 - of constants
    return Statement(text, {"organisation_id": "bigint", "id": "bigint", "kind": "text", **window.types})
