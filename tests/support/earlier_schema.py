"""Databases as the release before left them, to be migrated."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.postgres.migrations import migrate
from tests.support.databases import fresh_database


@asynccontextmanager
async def database_before(migration: str, migrations: Path) -> AsyncIterator[str]:
    """The URL of a database with all migrations of the folder that come before that one."""
    async with fresh_database("before") as url:
        with tempfile.TemporaryDirectory() as folder:
            await asyncio.to_thread(_copy_before, migration, migrations, Path(folder))
            await migrate(url, Path(folder))
        yield url


def _copy_before(migration: str, migrations: Path, folder: Path) -> None:
    assert (migrations / migration).exists()
    for file in migrations.glob("*.sql"):
        if file.name < migration:
            shutil.copy(file, folder)
