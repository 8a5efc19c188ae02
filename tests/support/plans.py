"""What PostgreSQL's plan of a read comes across."""

import json
from collections.abc import Iterator
from typing import Any

from shared.postgres.batched_reads import PageRead
from shared.postgres.pool import Connection


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


async def touched(connection: Connection, read: PageRead) -> float:
    """Rows that the scans of the read's plan came across, alone or for each of three that go together."""
    together = ", ".join(f"""'{{"{each}", "{each}", "{each}"}}'""" for each in read.arguments)
    return max(
        await _touched(connection, read.statement.alone_scoped, _literals(read)),
        await _touched(connection, read.statement.together, together) / 3,
    )


async def touched_alone(connection: Connection, read: PageRead) -> float:
    """The same for a slow read, which is planned for its arguments, in the transaction that it has."""
    return await _touched(connection, read.statement.alone, _literals(read))


def _literals(read: PageRead) -> str:
    return ", ".join(f"'{argument}'" for argument in read.arguments)


async def _touched(connection: Connection, statement: str, arguments: str) -> float:
    await connection.execute(f"PREPARE page AS {statement}")
    try:
        explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE page ({arguments})")
    finally:
        await connection.execute("DEALLOCATE page")
    [top] = json.loads(explained)
    scans = [node for node in nodes(top["Plan"]) if "Scan" in node["Node Type"]]
    return float(
        sum((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in scans)
    )
