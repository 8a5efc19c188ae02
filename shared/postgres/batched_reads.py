"""Reads that wait together go together (architecture, principle 11; decision 8).

A short read costs mostly a round trip and planning. So a `PageRead` describes a SELECT of one row. Alone it is sent as
it is. Those of one `Statement` that wait at the same time are sent as one, around the same text, whose parameters are
columns then:

    SELECT read.n, answer.* FROM unnest($1::bigint[], …) WITH ORDINALITY AS read (…) CROSS JOIN LATERAL (…) AS answer

A statement sees the rows of its reads' organisations alone (shared/postgres/row_security.py): it says so where its
parameters come from, before any of the rest is read.

A batch begins after its reads have arrived, so each sees everything that its client had acknowledged before.
"""

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import Any

from prometheus_client import Histogram

from shared.concurrency.batcher import Batcher
from shared.errors import Unavailable
from shared.metrics.pools import PoolMetrics
from shared.metrics.reads import read_batch_sizes
from shared.postgres.pool import Connection, Pool, connected, connection_pool, slow_transaction
from shared.postgres.row_security import SETTING, scoped
from shared.time_spent import spend

Row = tuple[Any, ...]

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
"""Not the type in `x::text`."""

MAX_WAIT_SECONDS = 0.2
"""Seconds a read waits for its turn: a database that is stuck holds up those it has, and nobody else."""

BATCHES = 2
"""At once: while PostgreSQL works on one, the answers of another are sent and the next gathers."""
BATCH = 16
"""Reads at most in one statement: more of them save little, and each waits for all."""

DEEP = 1_000
"""Rows before a page from which on it is read with patience: all of them are walked through, if only in an index."""

SHORT_READS = {
    "max_parallel_workers_per_gather": "0",
}
"""Beside what all connections have."""


@dataclass(frozen=True, eq=False)
class Statement:
    """A SELECT of one row. Parameters are `:name` in `text`; `types` are theirs in PostgreSQL, by name.

    The first is `organisation_id`, a bigint: the statement sees its rows alone.
    Made once for each shape of question: reads go together when theirs is the same object.
    """

    text: str
    types: Mapping[str, str]

    def __post_init__(self) -> None:
        if next(iter(self.types), None) != "organisation_id":
            raise ValueError("the first parameter of a statement is organisation_id")

    @cached_property
    def alone(self) -> str:
        """In a transaction that sees the organisation's rows."""
        parameters = {name: f"${place}::{type_}" for place, (name, type_) in enumerate(self.types.items(), 1)}
        return self._with(parameters)

    @cached_property
    def alone_scoped(self) -> str:
        """Without a transaction."""
        return scoped(self.alone, tuple(self.types.values()))

    @cached_property
    def together(self) -> str:
        """Without a transaction, for many reads."""
        arrays = ", ".join(f"${place}::{type_}[]" for place, type_ in enumerate(self.types.values(), 1))
        scope = f"ARRAY[set_config('{SETTING}', $1::bigint[]::text, true)]"
        answer = self._with({name: f"read.{name}" for name in self.types})
        return f"""
            SELECT read.n, answer.*
            FROM unnest({arrays}, {scope}) WITH ORDINALITY AS read ({", ".join(self.types)}, scope, n)
            CROSS JOIN LATERAL ({answer}) AS answer
        """  # noqa: S608 - of constants and parameters

    def _with(self, values: Mapping[str, str]) -> str:
        """The text with these in place of the parameters; raises `KeyError` for one that has no type."""
        return _PARAMETER.sub(lambda parameter: values[parameter[1]], self.text)


@dataclass(frozen=True, slots=True)
class PageRead:
    """A statement with its arguments in the order of its `types`, the organisation first.

    `slow`: it may take long, or needs a plan for its very arguments, as a search. Nobody waits for it but itself.
    """

    statement: Statement
    arguments: Row
    slow: bool = False

    @property
    def organisation_id(self) -> int:
        """Whose rows it sees."""
        organisation_id: int = self.arguments[0]
        return organisation_id

    async def alone(self, connection: Connection) -> Row:
        """The row, in a transaction that sees the organisation's rows."""
        [row] = await connection.fetch(self.statement.alone, *self.arguments)
        return tuple(row)

    async def alone_scoped(self, connection: Connection) -> Row:
        """The row, without a transaction."""
        [row] = await connection.fetch(self.statement.alone_scoped, *self.arguments)
        return tuple(row)


def array_text(ids: Iterable[int]) -> str:
    """An argument for a list of ids: reads that go together have an array for each parameter, and none of arrays."""
    return f"{{{','.join(map(str, ids))}}}"


class BatchedReader:
    """Reads for requests: short ones together on the connections of `pool`, and patient ones on the few that `others`
    has for them."""

    def __init__(self, pool: Pool, main_pool: Pool, batch_sizes: Histogram | None = None) -> None:
        self._pool = pool
        self._main_pool = main_pool
        self._batch_sizes = batch_sizes or read_batch_sizes()
        self._batcher: Batcher[PageRead, Row] = Batcher(
            self._read_together, size=BATCH, concurrency=BATCHES, max_wait=MAX_WAIT_SECONDS, name="read together"
        )

    async def read(self, read: PageRead) -> Row:
        """The row; raises what the database refuses with, `DatabaseUnavailable`, `Overloaded` or `DeadlinePassed`."""
        if not read.slow:
            return await self._together(read)
        async with slow_transaction(self._main_pool, [read.organisation_id]) as connection:
            return await read.alone(connection)

    async def _together(self, read: PageRead) -> Row:
        began = perf_counter()
        try:
            return await self._batcher.submit(read)
        finally:
            spend("database", began)

    async def _read_together(self, reads: Sequence[PageRead]) -> Sequence[Row | Exception]:
        places: dict[Statement, list[int]] = {}
        for place, read in enumerate(reads):
            places.setdefault(read.statement, []).append(place)
        outcomes: dict[int, Row | Exception] = {}
        for of_one in places.values():
            outcomes |= zip(of_one, await self._rows([reads[place] for place in of_one]), strict=True)
        return [outcomes[place] for place in range(len(reads))]

    async def _rows(self, reads: Sequence[PageRead]) -> Sequence[Row | Exception]:
        """A statement that is refused is sent again for each read alone, so that only the one at fault fails.

        Not when the database is unavailable or too slow: each would wait for it again.
        """
        self._batch_sizes.observe(len(reads))
        try:
            async with connected(self._pool) as connection:
                return await _rows(connection, reads)
        except Unavailable as error:
            return [error] * len(reads)
        except Exception as error:
            if len(reads) == 1:
                return [error]
        return [await self._outcome_alone(read) for read in reads]

    async def _outcome_alone(self, read: PageRead) -> Row | Exception:
        """On the connection of the batch: reads that fail take none from anybody else."""
        try:
            async with connected(self._pool) as connection:
                return await read.alone_scoped(connection)
        except Exception as error:
            return error


async def _rows(connection: Connection, reads: Sequence[PageRead]) -> list[Row]:
    if len(reads) == 1:
        return [await reads[0].alone_scoped(connection)]
    columns = zip(*(read.arguments for read in reads), strict=True)
    rows = await connection.fetch(reads[0].statement.together, *map(list, columns))
    by_place = {row["n"]: tuple(row)[1:] for row in rows}
    return [by_place[place] for place in range(1, len(reads) + 1)]


@asynccontextmanager
async def batched_reader(
    url: str, main_pool: Pool, *, name: str, pools: PoolMetrics | None = None, batch_sizes: Histogram | None = None
) -> AsyncIterator[BatchedReader]:
    """One with connections of its own, as many as it has batches at once."""
    async with connection_pool(url, name=f"{name} reader", size=BATCHES, settings=SHORT_READS) as pool:
        if pools is not None:
            pools.watch("reader", pool)
        yield BatchedReader(pool, main_pool, batch_sizes)
