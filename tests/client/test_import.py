"""`muster import` on the whole system, through the gateway."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.importing import COLUMNS, FILES, people, people_file
from tests.support.muster_command import environment, muster, muster_at_terminal, muster_with, names_in
from tests.support.programs import MAKER, new_program
from tests.support.stack import Stack
from tests.support.world import EMPLOYEES, IMPORTS, new_course

PEOPLE = f"{IMPORTS}/people"


async def total(client: Client, path: str = EMPLOYEES) -> int:
    return int((await client.get(path, per_page=1)).json["meta"]["total"])


async def jobs(client: Client) -> list[Any]:
    return list((await client.get(PEOPLE)).data)


async def test_a_file_goes_in_and_its_counts_come_out(admin: Client, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(people_file(*people(range(1, 1203))))
    ended = await muster(admin, tmp_path, "import", "people.csv")
    [job] = await jobs(admin)
    counts = "1,202 lines, 1,202 created, 0 changed, 0 unchanged, 0 removed, 0 refused"
    assert (ended.status, ended.output) == (0, f"Import people/{job['id']} completed: {counts}\n"), ended.errors
    assert "Sending people.csv: 100 %" in ended.errors
    assert f"Applying people/{job['id']}: 100 %, 1,202 lines" in ended.errors
    assert "\x1b" not in ended.output + ended.errors
    assert await total(admin) == 1202
    again = await muster(admin, tmp_path, "--quiet", "import", "people.csv")
    assert "1,202 unchanged" in again.output
    assert again.errors == ""
    assert names_in(tmp_path) == ["people.csv"]


async def test_refused_lines_go_into_a_file_that_can_be_repaired(admin: Client, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(people_file((1, "E-1", "First"), (2, "E-1", "Twice"), (3, "", "No number")))
    ended = await muster(admin, tmp_path, "import", "people.csv")
    assert ended.status == 1, ended.errors
    assert "1 created" in ended.output
    assert "2 refused" in ended.output
    assert "people.csv.refused.csv" in ended.output
    refused = tmp_path / "people.csv.refused.csv"
    text = refused.read_text()
    assert text.startswith(f"#line,#field,#reason,{COLUMNS}")
    refused.write_text(text.replace(",E-1,", ",E-2,").replace(",3,,", ",3,E-3,"))
    again = await muster(admin, tmp_path, "import", refused.name)
    assert (again.status, "2 created" in again.output) == (0, True), again.output + again.errors
    assert await total(admin) == 3


async def test_a_dry_run_changes_nothing(admin: Client, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(people_file(*people([1, 2])))
    ended = await muster(admin, tmp_path, "import", "people.csv", "--dry-run")
    assert (ended.status, "(dry run: nothing was changed)" in ended.output) == (0, True)
    assert "2 created" in ended.output
    assert await total(admin) == 0


async def test_mode_complete_ends_whom_the_file_does_not_name(admin: Client, tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text(people_file(*people(range(10))[1:]))
    await muster(admin, tmp_path, "import", "all.csv", "--kind", "people")
    (tmp_path / "fewer.csv").write_text(people_file(*people(range(10))[2:]))
    ended = await muster(admin, tmp_path, "import", "fewer.csv", "--kind", "people", "--mode", "complete")
    assert (ended.status, "1 removed" in ended.output) == (0, True), ended.output
    (tmp_path / "one.csv").write_text(people_file((2, "E-2", "Name 2")))
    ended = await muster(admin, tmp_path, "import", "one.csv", "--kind", "people", "--mode", "complete")
    assert ended.status == 2
    assert "failed" in ended.output
    assert await total(admin) == 8


@pytest.mark.parametrize("compress", ["--gzip", "--no-gzip"])
async def test_standard_input_compressed_or_not(admin: Client, tmp_path: Path, compress: str) -> None:
    file = people_file(*people(range(1, 8000)))
    ended = await muster(admin, tmp_path, "import", "-", "--kind", "people", compress, stdin=file.encode())
    assert (ended.status, "7,999 created" in ended.output) == (0, True), ended.errors
    [job] = await jobs(admin)
    assert job["bytes"] == len(file)


async def test_a_compressed_file_and_a_charset(admin: Client, tmp_path: Path) -> None:
    (tmp_path / "staff.csv.gz").write_bytes(gzip.compress(people_file((1, "E-1", "Jürgen")).encode("latin-1")))
    ended = await muster(admin, tmp_path, "import", "staff.csv.gz", "--charset", "iso-8859-1")
    assert ended.status == 0, ended.errors
    assert (await admin.get(f"{EMPLOYEES}/1")).data["full_name"] == "Jürgen"


async def test_ndjson_and_other_kinds(admin: Client, tmp_path: Path) -> None:
    (tmp_path / "Employees 2026.jsonl").write_text('{"id": 1, "employee_id": "E-1", "full_name": "Zoë"}\n')
    assert (await muster(admin, tmp_path, "import", "Employees 2026.jsonl")).status == 0
    assert await total(admin) == 1
    (tmp_path / "courses.csv").write_text(FILES["courses"])
    assert (await muster(admin, tmp_path, "import", "courses.csv")).status == 0
    course_id = await new_course(admin)
    (tmp_path / "sessions.csv").write_text(FILES["sessions"].replace(",1,May", f",{course_id},May"))
    assert (await muster(admin, tmp_path, "import", "sessions.csv")).status == 0


async def test_a_program_with_an_id_and_a_secret(stack: Stack, organisation: int, tmp_path: Path) -> None:
    admin = stack.client(organisation, permissions=list(MAKER))
    program = await new_program(admin, permissions=["training.view", "training.manage"])
    (tmp_path / "people.csv").write_text(people_file(*people([1])))
    variables = environment(stack.gateway_url, MUSTER_CLIENT_ID=program.client_id, MUSTER_CLIENT_SECRET=program.secret)
    ended = await muster_with(variables, tmp_path, "import", "people.csv")
    assert ended.status == 0, ended.errors
    assert (await jobs(admin))[0]["created_by"]["subject"] == program.client_id


async def test_both_bars_on_a_terminal(admin: Client, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(people_file(*people(range(1, 3001))))
    ended = await muster_at_terminal(admin, tmp_path, "import", "people.csv")
    assert ended.status == 0, ended.output
    sending, applying = ended.output.index("Sending people.csv"), ended.output.index("Applying people/")
    assert sending < applying < ended.output.index("3,000 created")
    assert "━" in ended.output
    assert "100%" in ended.output
    assert "\x1b[" in ended.output
    assert await eventually(lambda: total(admin)) == 3000
