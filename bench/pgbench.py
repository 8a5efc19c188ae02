"""pgbench running the very statements of the services: what PostgreSQL gives to whom has nothing else to do.

The statements are taken from the services' stores while they ask, so that they cannot differ.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NoReturn

from bench.bed import Bed
from bench.errors import NotMeasured
from bench.programs import output_of
from shared.postgres.batched_reads import SHORT_READS
from shared.postgres.pool import BY_KEY

CONNECTIONS = 10
"""As many as a service's pool has."""
SETTINGS = {"jit": "off", "timezone": "UTC", **BY_KEY, **SHORT_READS}
"""As the services' connections have them where they bear on how a statement is planned (shared/postgres/pool.py)."""
_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: ([1-9][0-9]*)", re.MULTILINE)
_PARAMETER = re.compile(r"\$(\d+)")
_COMMENT = re.compile(r"--[^\n]*")


class _Asked(Exception):
    """Ends the call that wanted to ask PostgreSQL."""

    def __init__(self, statement: str, arguments: Sequence[Any]) -> None:
        self.statement, self.arguments = statement, arguments


class _Listening:
    """In place of a connection: takes down what it is asked."""

    async def fetch(self, statement: str, *arguments: Any) -> NoReturn:
        raise _Asked(statement, arguments)

    fetchrow = fetch
    fetchval = fetch


@dataclass(frozen=True)
class Statement:
    """`arguments` are those of the one call it was taken from."""

    sql: str
    arguments: Sequence[Any]


async def statement_of(read: Callable[[Any], Awaitable[Any]]) -> Statement:
    """The statement that a function of a store sends over its connection."""
    try:
        await read(_Listening())
    except _Asked as asked:
        return Statement(asked.statement, asked.arguments)
    raise ValueError("it asked nothing")


def script(statement: Statement, drawn: dict[int, tuple[int, int]]) -> str:
    """As pgbench reads it: parameters are what they were, those in `drawn` (by their number) random between bounds."""
    lines = []
    for number, value in enumerate(statement.arguments, 1):
        if number in drawn:
            lines.append(f"\\set p{number} random({drawn[number][0]}, {drawn[number][1]})")
        elif isinstance(value, int):
            lines.append(f"\\set p{number} {value}")
    sql = _COMMENT.sub("", statement.sql)
    text = _PARAMETER.sub(lambda match: _written(int(match[1]), statement.arguments), sql)
    return "\n".join([*lines, " ".join(text.split()) + ";"]) + "\n"


def _written(number: int, arguments: Sequence[Any]) -> str:
    value = arguments[number - 1]
    # pgbench has no variables that are text and may hold spaces.
    return f":p{number}" if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


async def pgbench(
    bed: Bed,
    database_url: str,
    scripts: Sequence[Path],
    *,
    connections: int = CONNECTIONS,
    cores: Sequence[int] | None = None,
) -> float:
    """Transactions a second, prepared statements, one thread; raises `NotMeasured` when any failed."""
    seconds = bed.effort.seconds
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    command = [bed.servers.pgbench, "--no-vacuum", "-M", "prepared", "-c", str(connections), "-j", "1"]
    command += ["-T", str(seconds), *(f"--file={path}" for path in scripts), database_url]
    return parsed(await output_of(command, cores or bed.placement.measured, seconds=seconds, PGOPTIONS=options))


def parsed(output: str) -> float:
    """The rate without the time for connecting; raises `NotMeasured` when there is none, or transactions failed."""
    rate = _RATE.search(output)
    if rate is None or _FAILED.search(output) or float(rate[1]) == 0:
        raise NotMeasured(f"pgbench: {output[-500:]}")
    return float(rate[1])


def written(bed: Bed, text: str) -> Path:
    """The script as a file of the run's own."""
    with NamedTemporaryFile("w", dir=bed.servers.layout.data, suffix=".sql", delete=False) as file:
        file.write(text)
    return Path(file.name)
