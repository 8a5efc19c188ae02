"""Replicas of other services' rows, compared with their owners' snapshots: the SQL of comparing and of replacing.

Snapshots are written by the very handlers that consume events, on a connection where temporary tables shadow the real
ones by their names. So there is one way in which an event becomes a row, and what was written there is gone with the
connection, however that ends.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from shared.events.states import State
from shared.events.types import Event
from shared.messaging.subscriptions import Subscriptions, apply
from shared.postgres.connection import dedicated_connection
from shared.postgres.pool import Connection
from shared.projections.keys import Key

STATEMENT_TIMEOUT = 600
"""Seconds that one statement of these commands may take: some go through a whole table."""
LAST: Key = (2**63 - 1, 2**63 - 1)

_SHADOW = "CREATE TEMPORARY TABLE {table} (LIKE public.{table} INCLUDING ALL) ON COMMIT {rows} ROWS"

NOTED = ("updated_at", "updated_day")
"""Columns in which a row notes its last change here: no part of what is copied. A row that is added has their defaults,
and one that is changed what its trigger writes."""

_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND NOT attname = ANY($2::text[])
ORDER BY attnum
"""

_DIFFERENT = """
SELECT coalesce(o.organisation_id, c.organisation_id) AS organisation_id, coalesce(o.id, c.id) AS id,
    o.version AS owned_version, c.version AS replica_version,
    ARRAY (
        SELECT key FROM jsonb_each(to_jsonb(o)) AS owned JOIN jsonb_each(to_jsonb(c)) AS copied USING (key)
        WHERE owned.value IS DISTINCT FROM copied.value AND NOT key = ANY($1::text[]) ORDER BY key
    ) AS columns
FROM pg_temp.{table} o FULL JOIN (SELECT * FROM public.{table} WHERE {where}) c USING (organisation_id, id)
WHERE ({owned}) IS DISTINCT FROM ({copied})
ORDER BY 1, 2
"""
_BETWEEN = "(organisation_id, id) > ($2, $3) AND (organisation_id, id) <= ($4, $5)"
_THESE = "(organisation_id, id) IN (SELECT * FROM unnest($2::bigint[], $3::bigint[]))"

# A newer row was changed after its owner was asked, or its version is wrong.
_NEWER = """
SELECT c.organisation_id, c.id, c.version
FROM public.{table} c LEFT JOIN pg_temp.{table} o USING (organisation_id, id)
WHERE (c.organisation_id, c.id) > ($1, $2) AND (o.version IS NULL OR c.version > o.version)
ORDER BY c.organisation_id, c.id LIMIT $3
"""

# Reads go on. Consumers wait, and for no longer than their own limit: then they try again.
_LOCK = "LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE"

_REMOVE = """
DELETE FROM public.{table} c
WHERE NOT EXISTS (SELECT FROM pg_temp.{table} o WHERE o.organisation_id = c.organisation_id AND o.id = c.id)
"""

_CHANGE = """
UPDATE public.{table} c SET ({columns}) = ROW ({owned}) FROM pg_temp.{table} o
WHERE o.organisation_id = c.organisation_id AND o.id = c.id AND ({owned}) IS DISTINCT FROM ({copied})
"""

_ADD = """
INSERT INTO public.{table} ({columns}) SELECT {owned} FROM pg_temp.{table} o
WHERE NOT EXISTS (SELECT FROM public.{table} c WHERE o.organisation_id = c.organisation_id AND o.id = c.id)
"""


@dataclass(frozen=True, slots=True)
class ReplicaTable:
    """A table whose rows are copies; `kind` is what its owner, another service, calls them."""

    table: str
    owner: str
    kind: str
    own_columns: tuple[str, ...] = ()
    """Those that are no part of the copy."""


@dataclass(frozen=True, slots=True)
class Projection:
    """All that a service copies, in the order in which its handlers write it."""

    replicas: Sequence[ReplicaTable]
    subscriptions: Subscriptions
    also_written: Sequence[str] = ()
    """Tables of the service's own that the handlers change as well."""
    recount: Callable[[Connection], Awaitable[int]] | None = None
    """Recounts what `also_written` tables say of the replicas; how many rows it changed."""
    checks: Sequence[Callable[[Connection], AsyncIterator[str]]] = ()
    """What else must hold inside the service; each gives a sentence for what does not."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of which owner and copy say different things; a version is `None` where there is no such row."""

    table: str
    key: Key
    owned_version: int | None
    replica_version: int | None
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.table} of organisation {self.key[0]}, id {self.key[1]}: {self._what}"

    @property
    def _what(self) -> str:
        match self.owned_version, self.replica_version:
            case version, None:
                return f"missing here, version {version} at its owner"
            case None, version:
                return f"version {version} here, unknown to its owner"
            case owned, copied if owned == copied:
                return f"version {owned}, with other values in {', '.join(self.columns)}"
            case owned, copied:
                return f"version {copied} here, {owned} at its owner"
        raise AssertionError("a row that is nowhere")


@dataclass(frozen=True, slots=True)
class Replaced:
    """What a rebuild has changed in a table."""

    table: str
    added: int
    changed: int
    removed: int


@dataclass(frozen=True)
class Comparison:
    """A connection on which the handlers write into empty tables that lie over those of the service."""

    connection: Connection
    projection: Projection
    columns: dict[str, list[str]] = field(default_factory=dict)

    async def write(self, events: Sequence[Event[State]]) -> None:
        """Lets the handlers write what an owner says; the service's own tables do not notice."""
        await apply(self.connection, self.projection.subscriptions, events)

    async def differences_between(self, replica: ReplicaTable, after: Key, upto: Key) -> list[Difference]:
        """Between what was written and the copies in that stretch of keys."""
        return await self._differences(replica, _BETWEEN, *after, *upto)

    async def differences_of(self, replica: ReplicaTable, keys: Sequence[Key]) -> list[Difference]:
        return await self._differences(replica, _THESE, [key[0] for key in keys], [key[1] for key in keys])

    async def _differences(self, replica: ReplicaTable, where: str, *arguments: Any) -> list[Difference]:
        compared = [column for column in self.columns[replica.table] if column not in replica.own_columns]
        statement = _DIFFERENT.format(
            table=replica.table, where=where, owned=_of("o", compared), copied=_of("c", compared)
        )
        rows = await self.connection.fetch(statement, [*replica.own_columns, *NOTED], *arguments)
        return [
            Difference(
                replica.table,
                (row["organisation_id"], row["id"]),
                row["owned_version"],
                row["replica_version"],
                tuple(row["columns"]),
            )
            for row in rows
        ]

    async def analyze(self, replica: ReplicaTable) -> None:
        """Updates the planner's statistics: autovacuum does not for temporary tables."""
        await self.connection.execute(f"ANALYZE pg_temp.{replica.table}")

    async def newer_copies(self, replica: ReplicaTable, after: Key, limit: int) -> dict[Key, int]:
        """Copies that are newer than what was written, or not among it, with their versions."""
        rows = await self.connection.fetch(_NEWER.format(table=replica.table), *after, limit)
        return {(row["organisation_id"], row["id"]): row["version"] for row in rows}

    async def lock_out_consumers(self) -> None:
        """No consumer changes the replicas until the transaction ends; reads go on."""
        tables = ", ".join(f"public.{replica.table}" for replica in self.projection.replicas)
        await self.connection.execute(_LOCK.format(tables))

    async def replace(self, replica: ReplicaTable) -> Replaced:
        """Makes the copies what was written; a row that is the same already is not touched."""
        columns = self.columns[replica.table]
        names = {"table": replica.table, "columns": ", ".join(columns), "owned": _of("o", columns)}
        names["copied"] = _of("c", columns)
        removed, changed, added = [
            int((await self.connection.execute(sql.format(**names))).split()[-1]) for sql in (_REMOVE, _CHANGE, _ADD)
        ]
        return Replaced(replica.table, added, changed, removed)


@asynccontextmanager
async def comparison(url: str, projection: Projection, *, name: str, keep: bool) -> AsyncIterator[Comparison]:
    """`keep`: what was written stays from one transaction to the next.

    Raises `DatabaseUnavailable`, and asyncpg's error where the user may make no temporary tables.
    """
    settings = {
        "statement_timeout": f"{STATEMENT_TIMEOUT}s",
        "lock_timeout": "2s",
        "idle_in_transaction_session_timeout": "60s",
        "timezone": "UTC",
        "jit": "off",
    }
    async with dedicated_connection(url, name=name, command_timeout=STATEMENT_TIMEOUT, settings=settings) as connection:
        compared = Comparison(connection, projection)
        for table in (*(replica.table for replica in projection.replicas), *projection.also_written):
            columns = await connection.fetch(_COLUMNS, f"public.{table}", NOTED)
            compared.columns[table] = [row["attname"] for row in columns]
            await connection.execute(_SHADOW.format(table=table, rows="PRESERVE" if keep else "DELETE"))
        yield compared


def _of(alias: str, columns: Sequence[str]) -> str:
    return ", ".join(f"{alias}.{column}" for column in columns)
