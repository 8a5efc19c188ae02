"""Applies a folder of numbered SQL files to a database, each once (decision 2).

No library does just this with asyncpg: Alembic needs SQLAlchemy and a second driver, and yoyo's lock is a row that
outlives a killed process. An advisory lock ends with its connection.
"""

import hashlib
from pathlib import Path

import asyncpg

from shared.postgres.connection import CONNECT_TIMEOUT
from shared.postgres.pool import Connection

_LOCK = 0x6D7573746572
"""Key of the advisory lock, the same in every process: two that start at once do not both migrate."""


class MigrationChanged(Exception):
    """A migration that was applied has been edited since; add a new one instead."""


async def migrate(url: str, folder: Path) -> list[str]:
    """Applies the missing files, each in a transaction of its own; returns their names.

    Raises `MigrationChanged`.
    """
    migrations = {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.sql"))}  # noqa: ASYNC240
    connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK, timeout=60)
        return await _apply_missing(connection, migrations)
    finally:
        await connection.close(timeout=2)


async def _apply_missing(connection: Connection, migrations: dict[str, str]) -> list[str]:
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations"
        " (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    rows = await connection.fetch("SELECT name, sha256 FROM schema_migrations")
    applied = {row["name"]: row["sha256"] for row in rows}
    missing = [name for name in migrations if name not in applied]
    for name, checksum in applied.items():
        if name in migrations and _checksum(migrations[name]) != checksum:
            raise MigrationChanged(name)
    for name in missing:
        async with connection.transaction():
            await connection.execute(migrations[name])
            await connection.execute(
                "INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)", name, _checksum(migrations[name])
            )
    return missing


def _checksum(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()
