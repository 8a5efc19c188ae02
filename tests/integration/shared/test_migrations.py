import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared.postgres.migrations import MigrationChanged, migrate
from shared.postgres.pool import Connection
from tests.support.eventually import eventually

FIRST = "CREATE TABLE courses (id integer); INSERT INTO courses VALUES (1);"
SECOND = "INSERT INTO courses VALUES (2);"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text(FIRST)
    (tmp_path / "0002_second.sql").write_text(SECOND)
    (tmp_path / "notes.txt").write_text("not SQL")
    return tmp_path


@pytest.fixture
async def connection(empty_database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(empty_database_url, timeout=10)
    try:
        yield connection
    finally:
        await connection.close(timeout=2)


async def rows(connection: Connection) -> list[int]:
    return [row["id"] for row in await connection.fetch("SELECT id FROM courses ORDER BY id")]


async def test_files_are_applied_in_order(empty_database_url: str, folder: Path, connection: Connection) -> None:
    assert await migrate(empty_database_url, folder) == ["0001_first.sql", "0002_second.sql"]
    assert await rows(connection) == [1, 2]


async def test_a_second_run_does_nothing(empty_database_url: str, folder: Path, connection: Connection) -> None:
    await migrate(empty_database_url, folder)
    assert await migrate(empty_database_url, folder) == []
    assert await rows(connection) == [1, 2]


async def test_only_a_new_file_is_applied(empty_database_url: str, folder: Path, connection: Connection) -> None:
    await migrate(empty_database_url, folder)
    (folder / "0003_third.sql").write_text("INSERT INTO courses VALUES (3);")
    assert await migrate(empty_database_url, folder) == ["0003_third.sql"]
    assert await rows(connection) == [1, 2, 3]


async def test_a_changed_file_is_refused_and_nothing_applied(
    empty_database_url: str, folder: Path, connection: Connection
) -> None:
    await migrate(empty_database_url, folder)
    (folder / "0001_first.sql").write_text(FIRST + " -- changed")
    (folder / "0003_third.sql").write_text("INSERT INTO courses VALUES (3);")
    with pytest.raises(MigrationChanged, match=r"0001_first\.sql"):
        await migrate(empty_database_url, folder)
    assert await rows(connection) == [1, 2]


async def test_a_failing_file_leaves_nothing_half_done(
    empty_database_url: str, folder: Path, connection: Connection
) -> None:
    (folder / "0002_second.sql").write_text(f"{SECOND} INSERT INTO nowhere VALUES (1);")
    with pytest.raises(asyncpg.UndefinedTableError):
        await migrate(empty_database_url, folder)
    assert await rows(connection) == [1]
    (folder / "0002_second.sql").write_text(SECOND)
    assert await migrate(empty_database_url, folder) == ["0002_second.sql"]
    assert await rows(connection) == [1, 2]


async def test_of_several_at_once_one_applies(empty_database_url: str, folder: Path, connection: Connection) -> None:
    applied = await asyncio.gather(*(migrate(empty_database_url, folder) for _ in range(4)))
    assert sorted(map(len, applied)) == [0, 0, 0, 2]
    assert await rows(connection) == [1, 2]


async def test_control_without_the_lock_several_at_once_get_in_each_other_s_way(
    empty_database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "0001_first.sql").write_text(f"SELECT pg_sleep(0.2); {FIRST}")
    monkeypatch.setattr("shared.postgres.migrations._LOCK", None)  # a lock on NULL is none
    outcomes = await asyncio.gather(*(migrate(empty_database_url, folder) for _ in range(4)), return_exceptions=True)
    assert any(isinstance(outcome, asyncpg.PostgresError) for outcome in outcomes)


async def test_the_lock_ends_with_its_holder(empty_database_url: str, folder: Path, connection: Connection) -> None:
    holder = await asyncpg.connect(empty_database_url, timeout=10)
    await holder.execute("SELECT pg_advisory_lock($1)", 0x6D7573746572)
    waiting = asyncio.create_task(migrate(empty_database_url, folder))
    await eventually(lambda: connection.fetch("SELECT FROM pg_stat_activity WHERE wait_event = 'advisory'"))
    holder.terminate()
    assert len(await waiting) == 2
    assert await rows(connection) == [1, 2]
