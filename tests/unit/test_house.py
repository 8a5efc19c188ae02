"""Boundaries of the code that import-linter cannot check."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SQL = re.compile(
    r"\s*(WITH \w+ AS|SELECT .* FROM |SELECT FROM|INSERT INTO|UPDATE \w+ (\w+ )?SET|DELETE FROM)",
    re.IGNORECASE | re.DOTALL,
)
ROOMS_WITH_SQL = re.compile(
    r"services/\w+/store(\.py|/\w+\.py)"
    r"|shared/postgres/(audit_trail|batched_reads|erased_people|known_then|list_totals|lists|local_days|migrations|named_totals|pool|row_security|statement_columns)\.py"
    r"|shared/messaging/(followed|installation|outbox)\.py|shared/imports/(store|work_store)\.py|shared/projections/(comparison|settings_copy)\.py|shared/service/idempotency\.py"
    r"|stack/servers/databases\.py"
)
ASYNCIO_REPLACED = re.compile(r"""setattr\((["'][\w.]*asyncio\.|asyncio,)""")


def sources(*folders: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines()]


def strings(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_sql_stands_in_its_own_rooms_alone() -> None:
    outside = [
        str(file.relative_to(ROOT))
        for file in sources("gateway/*.py", "services/*.py", "shared/*.py", "stack/*.py")
        if not ROOMS_WITH_SQL.fullmatch(str(file.relative_to(ROOT))) and any(map(SQL.match, strings(file)))
    ]
    assert outside == []


def test_control_sql_is_recognised() -> None:
    found = [file for file in sources("services/*.py") if any(map(SQL.match, strings(file)))]
    assert {file.relative_to(ROOT).parts[1] for file in found} >= {"catalog", "enrollment", "history"}


def test_no_test_replaces_what_the_shared_event_loop_uses() -> None:
    """Other tasks of that loop call it too: one that polls with a `sleep` that never waits keeps the loop for ever."""
    replaced = [
        str(file.relative_to(ROOT))
        for file in sources("tests/*.py")
        if ASYNCIO_REPLACED.search(file.read_text(encoding="utf-8"))
    ]
    assert replaced == []


def test_control_a_replaced_sleep_is_recognised() -> None:
    assert ASYNCIO_REPLACED.search("setattr" + '("stack.processes.file_lock.asyncio.sleep", started)')
    assert ASYNCIO_REPLACED.search("setattr" + '(asyncio, "sleep", started)')
