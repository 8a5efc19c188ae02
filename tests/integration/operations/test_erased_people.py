"""A backup that is restored has people back who were erased since: an operator's command erases them again."""

from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

from shared.service.chassis import carry_out, command_line
from tests.support.client import Client
from tests.support.commands import Outcome, run_here
from tests.support.copies import everything_is_followed, execute, rebuild, verify
from tests.support.erasing import NAME, NUMBER, erase, somebody_trained
from tests.support.eventually import eventually
from tests.support.services import DECLARED
from tests.support.stack import Stack
from tests.support.world import EMPLOYEES, new_course, new_employee, new_session

KEPT = ("people", "enrollments", "external_records", "audit", "audit_trail", "erased_people")


async def command(stack: Stack, service: str, *arguments: str) -> Outcome:
    declared = DECLARED[service]
    parsed = command_line(declared).parse_args(["erased-people", *arguments])
    return await run_here(partial(carry_out, declared, stack.settings[service], parsed))


class Backup:
    """An organisation's rows in enrollment as they were."""

    def __init__(self, url: str, organisation: int) -> None:
        self._url = url
        self._organisation = organisation
        self._rows: dict[str, list[str]] = {}

    async def take(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=10)
        try:
            for table in KEPT:
                statement = f"SELECT to_jsonb(t)::text FROM {table} t WHERE organisation_id = $1"
                self._rows[table] = [row[0] for row in await connection.fetch(statement, self._organisation)]
        finally:
            await connection.close()

    async def restore(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=10)
        try:
            async with connection.transaction():
                for table in reversed(KEPT):
                    await connection.execute(f"DELETE FROM {table} WHERE organisation_id = $1", self._organisation)
                for table in KEPT:
                    names = ", ".join(await self._columns(connection, table))
                    await connection.execute(
                        f"INSERT INTO {table} ({names}) SELECT {names} FROM unnest($1::text[]) AS kept (row),"
                        f" jsonb_populate_record(NULL::{table}, kept.row::jsonb)",
                        self._rows[table],
                    )
        finally:
            await connection.close()

    @staticmethod
    async def _columns(connection: Any, table: str) -> list[str]:
        rows = await connection.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0"
            " AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
            table,
        )
        return [row["attname"] for row in rows]


async def name_of(stack: Stack, organisation: int, person: int) -> str:
    connection = await asyncpg.connect(stack.enrollment_database_url, timeout=10)
    try:
        return str(
            await connection.fetchval(
                "SELECT full_name || '/' || employee_id FROM people WHERE organisation_id = $1 AND id = $2",
                organisation,
                person,
            )
        )
    finally:
        await connection.close()


async def test_a_restored_backup_is_erased_again(served: Stack, organisation: int, tmp_path: Path) -> None:
    stack, admin = served, served.client(organisation)
    person = await somebody_trained(admin, await new_session(admin, await new_course(admin)))
    other = await new_employee(admin, full_name="Somebody Else")
    backup = Backup(stack.enrollment_database_url, organisation)
    await backup.take()
    assert (await erase(admin, person)).status == 200
    await everything_is_followed(stack)

    async def delivery_knows() -> str:
        listed = await command(stack, "delivery", "list")
        assert f'"organisation_id": {organisation},' in listed.output
        return listed.output

    listed = await eventually(delivery_knows)
    await backup.restore()
    assert await name_of(stack, organisation, person) == f"{NAME}/{NUMBER}"
    ours = [line for line in listed.splitlines() if f'"organisation_id": {organisation},' in line]
    file = tmp_path / "erased.ndjson"
    file.write_text("\n".join(ours))
    applied = await command(stack, "enrollment", "apply", str(file))
    assert (applied.status, applied.errors) == (0, ""), applied.errors
    assert "1 lines read; 1 people are erased again" in applied.output
    assert await name_of(stack, organisation, person) == "/"
    assert await name_of(stack, organisation, other) == f"Somebody Else/EMP-{other}"
    again = await command(stack, "enrollment", "apply", str(file))
    assert "1 lines read; 0 people are erased again" in again.output
    found = await verify(stack, "enrollment")
    assert f"organisation {organisation}," not in found.output
    await everything_is_followed(stack)
    assert (await rebuild(stack, "history")).status == 0
    assert (await admin.get(f"{EMPLOYEES}/{person}")).status == 404


async def test_verify_notices_whom_a_backup_has_back(stack: Stack, admin: Client, organisation: int) -> None:
    person = await somebody_trained(admin, await new_session(admin, await new_course(admin)))
    backup = Backup(stack.enrollment_database_url, organisation)
    await backup.take()
    assert (await erase(admin, person)).status == 200
    listed = await command(stack, "enrollment", "list")
    await backup.restore()
    [line] = [each for each in listed.output.splitlines() if f'"organisation_id": {organisation},' in each]
    hash_ = line.split('"hash": "')[1][:64]
    await execute(
        stack,
        "enrollment",
        "INSERT INTO erased_people (organisation_id, hash) VALUES ($1, decode($2, 'hex'))",
        organisation,
        hash_,
    )
    found = await verify(stack, "enrollment")
    assert found.status == 1
    assert f"people of organisation {organisation}, id {person}: is in the list" in found.output
    await execute(stack, "enrollment", "DELETE FROM erased_people WHERE organisation_id = $1", organisation)


async def test_what_is_no_list_changes_nothing(stack: Stack, tmp_path: Path) -> None:
    for text in ("nonsense", '{"organisation_id": 0}', '{"organisation_id": 1, "hash": "x", "erased_at": "now"}'):
        file = tmp_path / "wrong.ndjson"
        file.write_text(text)
        for service in ("enrollment", "delivery"):
            applied = await command(stack, service, "apply", str(file))
            assert applied.status == 2
            assert applied.errors.startswith("erased-people: line 1: ")
    missing = await command(stack, "enrollment", "apply", str(tmp_path / "missing"))
    assert missing.status == 2
