"""SQL of the work on imports: whose turn it is, what came of lines, and what is kept no longer (decision 28)."""

import re
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from shared.errors import MAX_NAME, MAX_REASON, shortened
from shared.imports.job import LEASE_SECONDS, Job, JobLost, Refused, Result, job_of
from shared.imports.kind import Outcome
from shared.imports.models import KEPT_REFUSALS
from shared.imports.store import delete_file
from shared.messaging.outbox import WITH_MORE_IN_BULK
from shared.postgres.pool import Connection

_LEASE: Final = timedelta(seconds=LEASE_SECONDS)
PRUNED_AT_ONCE: Final = 1000
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")

# Organisations take turns: first those that nobody works for, then the one whose last turn is the longest ago. Two
# workers that want to begin jobs of one kind for an organisation at once meet in `imports_one_at_a_time`.
_CLAIM: Final = """
UPDATE imports SET status = 'running', started_at = coalesce(started_at, statement_timestamp()), lease = $2,
    leased_until = statement_timestamp() + $3::interval
WHERE (organisation_id, id) = (
    SELECT i.organisation_id, i.id FROM imports AS i
    WHERE i.status IN ('waiting', 'running') AND i.kind = ANY ($1::text[])
        AND (i.leased_until IS NULL OR i.leased_until < statement_timestamp())
        AND (i.status = 'running' OR NOT EXISTS (
            SELECT FROM imports AS running WHERE running.organisation_id = i.organisation_id
                AND running.kind = i.kind AND running.status = 'running'))
    ORDER BY
        (SELECT count(*) FROM imports AS held WHERE held.organisation_id = i.organisation_id
            AND held.status = 'running' AND held.leased_until >= statement_timestamp()),
        (SELECT max(turn.started_at) FROM imports AS turn WHERE turn.organisation_id = i.organisation_id) NULLS FIRST,
        i.queued_at, i.id
    LIMIT 1 FOR UPDATE OF i SKIP LOCKED)
RETURNING *
"""
_HOLD: Final = f"""
SELECT lines, kept, {WITH_MORE_IN_BULK} FROM imports
WHERE organisation_id = $1 AND id = $2 AND lease = $3 AND status = 'running' FOR NO KEY UPDATE
"""  # noqa: S608 - of constants alone
_RENEW: Final = """
UPDATE imports SET leased_until = statement_timestamp() + $4::interval
WHERE organisation_id = $1 AND id = $2 AND lease = $3 AND status = 'running'
RETURNING true
"""
_RELEASE: Final = """
UPDATE imports SET leased_until = NULL WHERE organisation_id = $1 AND id = $2 AND lease = $3 AND status = 'running'
"""
_PART: Final = "SELECT body FROM import_parts WHERE organisation_id = $1 AND import_id = $2 AND number = $3"
_ADVANCE: Final = """
UPDATE imports SET lines = lines + $3, bytes_read = greatest(bytes_read, $4), created = created + $5,
    changed = changed + $6, unchanged = unchanged + $7, refused = refused + $8, unnamed = unnamed + $9,
    kept = kept + $10, leased_until = statement_timestamp() + $11::interval
WHERE organisation_id = $1 AND id = $2
"""
_ADD_REFUSALS: Final = """
INSERT INTO import_refusals (organisation_id, import_id, number, line, field, reason, text)
SELECT $1, $2, $3 + place, line, field, reason, text
FROM unnest($4::bigint[], $5::text[], $6::text[], $7::text[]) WITH ORDINALITY AS new (line, field, reason, text, place)
"""
_ADD_ROWS: Final = """
INSERT INTO import_rows (organisation_id, import_id, row_id) SELECT $1, $2, unnest($3::bigint[]) ON CONFLICT DO NOTHING
"""
_UNNAMED: Final = "SELECT unnamed FROM imports WHERE organisation_id = $1 AND id = $2"
_NAMED_AMONG: Final = """
SELECT row_id FROM import_rows WHERE organisation_id = $1 AND import_id = $2 AND row_id = ANY ($3::bigint[])
"""
_ADD_REMOVED: Final = """
UPDATE imports SET removed = removed + $3, leased_until = statement_timestamp() + $4::interval
WHERE organisation_id = $1 AND id = $2
"""
_FINISH: Final = """
UPDATE imports SET status = $3::text, message = $4, finished_at = statement_timestamp(), lease = NULL,
    leased_until = NULL, bytes_read = CASE $3::text WHEN 'completed' THEN bytes ELSE bytes_read END
WHERE organisation_id = $1 AND id = $2
RETURNING lines, created, changed, unchanged, removed, refused
"""

# A process that was killed while it received a file has left it behind.
_ABANDON: Final = """
UPDATE imports SET status = 'failed', message = $2, finished_at = statement_timestamp()
WHERE (organisation_id, id) IN (
    SELECT organisation_id, id FROM imports
    WHERE status = 'receiving' AND created_at < statement_timestamp() - $1::interval ORDER BY created_at LIMIT 10)
RETURNING organisation_id, id
"""
_OLD: Final = """
SELECT organisation_id, id FROM imports WHERE created_at < statement_timestamp() - interval '30 days'
    AND status IN ('completed', 'failed', 'cancelled') ORDER BY created_at LIMIT 1
"""
_PRUNE_REFUSALS: Final = """
DELETE FROM import_refusals WHERE organisation_id = $1 AND import_id = $2 AND number IN (
    SELECT number FROM import_refusals WHERE organisation_id = $1 AND import_id = $2 LIMIT $3)
"""
_DELETE: Final = "DELETE FROM imports WHERE organisation_id = $1 AND id = $2"


_TO_DO: Final = """
SELECT kind, status, count(*) FROM (
    SELECT kind, status FROM imports WHERE status IN ('waiting', 'running') ORDER BY queued_at LIMIT 10000
) part GROUP BY kind, status
"""


class Held(NamedTuple):
    """How far a job is; `kept` are the refusals that are kept of it."""

    lines: int
    kept: int


class Finished(NamedTuple):
    """What came of all its lines."""

    lines: int
    created: int
    changed: int
    unchanged: int
    removed: int
    refused: int


async def claim(connection: Connection, kinds: Collection[str], lease: UUID) -> Job | None:
    """A job that nobody works on, and whose turn it is; raises `asyncpg.UniqueViolationError` where another worker has
    just begun one of the same kind for the organisation."""
    row = await connection.fetchrow(_CLAIM, list(kinds), lease, _LEASE)
    return None if row is None else job_of(row)


BUSY: Final = asyncpg.UniqueViolationError


async def hold(connection: Connection, job: Job) -> Held:
    """Keeps the job ours until the transaction ends, whose events are in bulk. Raises `JobLost`."""
    row = await connection.fetchrow(_HOLD, *job.place, job.lease)
    if row is None:
        raise JobLost
    return Held(row["lines"], row["kept"])


async def renew(connection: Connection, job: Job) -> None:
    """Raises `JobLost`."""
    if await connection.fetchval(_RENEW, *job.place, job.lease, _LEASE) is None:
        raise JobLost


async def release(connection: Connection, job: Job) -> None:
    """Another worker may go on at once."""
    await connection.execute(_RELEASE, *job.place, job.lease)


async def part(connection: Connection, job: Job, number: int) -> bytes | None:
    """None behind the last one."""
    body: bytes | None = await connection.fetchval(_PART, *job.place, number)
    return body


async def advance(connection: Connection, job: Job, held: Held, result: Result, bytes_read: int) -> None:
    """Stores what came of the next lines of a job that is held."""
    kept = result.refusals[: KEPT_REFUSALS - held.kept]
    if kept:
        await _add_refusals(connection, job, held.kept, kept)
    if result.rows and job.mode == "complete":
        await connection.execute(_ADD_ROWS, *job.place, sorted(result.rows))
    counts = [result.counts[outcome] for outcome in (Outcome.CREATED, Outcome.CHANGED, Outcome.UNCHANGED)]
    refused = result.counts[Outcome.REFUSED]
    figures = (result.lines, bytes_read, *counts, refused, result.unnamed, len(kept))
    await connection.execute(_ADVANCE, *job.place, *figures, _LEASE)


async def _add_refusals(connection: Connection, job: Job, before: int, kept: Sequence[Refused]) -> None:
    """The text of a line is kept once."""
    lines = [line for line, _ in kept]
    texts = [None if n and lines[n - 1] is line else _storable(line.text) for n, line in enumerate(lines)]
    fields = [None if error.field is None else shortened(_storable(error.field), MAX_NAME) for _, error in kept]
    reasons = [shortened(_storable(error.reason), MAX_REASON) for _, error in kept]
    numbers = [line.number for line in lines]
    await connection.execute(_ADD_REFUSALS, *job.place, before, numbers, fields, reasons, texts)


def _storable(text: str) -> str:
    """PostgreSQL takes no NUL and no half of a surrogate pair."""
    return _UNSTORABLE.sub("\ufffd", text)


async def unnamed(connection: Connection, job: Job) -> int:
    """How many refused lines name no row."""
    count: int = await connection.fetchval(_UNNAMED, *job.place)
    return count


async def named_among(connection: Connection, job: Job, row_ids: Sequence[int]) -> set[int]:
    """Those of the rows that the file has named."""
    rows = await connection.fetch(_NAMED_AMONG, *job.place, list(row_ids))
    return {row["row_id"] for row in rows}


async def add_removed(connection: Connection, job: Job, count: int) -> None:
    await connection.execute(_ADD_REMOVED, *job.place, count, _LEASE)


async def finish(connection: Connection, job: Job, status: str, message: str | None) -> Finished:
    """Ends a job that is held, and deletes its file."""
    row = await connection.fetchrow(_FINISH, *job.place, status, message)
    await delete_file(connection, job.place)
    if row is None:
        raise JobLost
    return Finished(*row)


async def to_do(connection: Connection) -> dict[tuple[str, str], int]:
    """How many imports wait and run, by kind and status."""
    return {(row["kind"], row["status"]): row["count"] for row in await connection.fetch(_TO_DO)}


async def abandon(connection: Connection, after: timedelta, message: str) -> None:
    """Ends some of the imports whose files have been on their way for longer than that."""
    for row in await connection.fetch(_ABANDON, after, message):
        await delete_file(connection, (row["organisation_id"], row["id"]))


async def prune(connection: Connection) -> bool:
    """Deletes the oldest import that is older than 30 days, or some of what is kept of it; returns whether there was
    one."""
    row = await connection.fetchrow(_OLD)
    if row is None:
        return False
    deleted = await connection.execute(_PRUNE_REFUSALS, row["organisation_id"], row["id"], PRUNED_AT_ONCE)
    if deleted != f"DELETE {PRUNED_AT_ONCE}":
        await delete_file(connection, (row["organisation_id"], row["id"]))
        await connection.execute(_DELETE, row["organisation_id"], row["id"])
    return True
