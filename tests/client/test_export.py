"""`muster export` on the whole system, through the gateway."""

import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.exported import Database, Gate, database_at, hold
from tests.support.muster_command import muster, muster_at_terminal, names_in, started
from tests.support.stack import Stack
from tests.support.world import new_course, new_employee

TITLES = ["Working at Heights", 'Quoted "title"\n', "=1+1", "Last"]


@pytest.fixture
async def courses(admin: Client) -> list[int]:
    return [
        await new_course(admin, title=title.strip(), description="Two\nlines" if number else None)
        for number, title in enumerate(TITLES)
    ]


async def test_a_list_comes_into_a_file_that_the_server_names(
    admin: Client, courses: list[int], tmp_path: Path
) -> None:
    ended = await muster(admin, tmp_path, "export", "courses")
    assert ended.status == 0, ended.errors
    [name] = names_in(tmp_path)
    file = tmp_path / name
    assert file.name.startswith("courses-20")
    assert file.suffix == ".csv"
    rows = list(csv.DictReader(io.StringIO(file.read_text(), newline="")))
    assert [int(row["id"]) for row in rows] == courses
    assert rows[2]["title"] == "'=1+1"
    assert ended.output.startswith(f"{file.name}: 4 rows, ")
    assert f"Exporting courses: 4 rows, {file.stat().st_size} bytes" in ended.errors


async def test_the_cursor_of_its_moment_is_printed(admin: Client, courses: list[int], tmp_path: Path) -> None:
    async def cursor() -> str:
        output = (await muster(admin, tmp_path, "export", "courses", "-o", "c.csv")).output
        return output.partition("Event cursor: ")[2].strip()

    found = await eventually(cursor)
    answer = await admin.get("/api/v1/events", after=found)
    assert answer.status == 200, answer.text


async def test_filters_and_ndjson_onto_standard_output(admin: Client, courses: list[int], tmp_path: Path) -> None:
    ended = await muster(admin, tmp_path, "export", "courses", "search=heights", "--format", "ndjson", "-o", "-")
    assert ended.status == 0, ended.errors
    [line] = ended.output.splitlines()
    assert json.loads(line)["id"] == courses[0]
    assert names_in(tmp_path) == []


async def test_the_name_of_the_file_says_its_form_and_an_older_one_is_replaced(
    admin: Client, courses: list[int], tmp_path: Path
) -> None:
    (tmp_path / "all.jsonl").write_text("old")
    assert (await muster(admin, tmp_path, "export", "courses", "--output", "all.jsonl")).status == 0
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) == 4


async def test_what_was_completed_since_a_moment(admin: Client, tmp_path: Path) -> None:
    """As the page about a nightly job has it."""
    filters = ("status=completed", "updated_since=2026-01-01T00:00:00Z")
    ended = await muster(admin, tmp_path, "--quiet", "export", "enrollments", *filters, "-o", "completed.csv")
    assert (ended.status, ended.errors, names_in(tmp_path)) == (0, "", ["completed.csv"])


async def test_compliance_as_a_spreadsheet(admin: Client, courses: list[int], tmp_path: Path) -> None:
    await new_employee(admin)
    ended = await muster(admin, tmp_path, "export", "compliance", f"course_id={courses[0]}", "-o", "c.xlsx")
    assert ended.status == 0, ended.errors
    assert zipfile.ZipFile(tmp_path / "c.xlsx").testzip() is None


async def test_a_list_below_a_row(admin: Client, courses: list[int], tmp_path: Path) -> None:
    ended = await muster(admin, tmp_path, "export", f"courses/{courses[0]}/audit", "-o", "audit.csv")
    assert (ended.status, ": 1 row, " in ended.output) == (0, True), ended.errors


async def test_a_bar_on_a_terminal(admin: Client, courses: list[int], tmp_path: Path) -> None:
    ended = await muster_at_terminal(admin, tmp_path, "export", "courses", "-o", "c.csv")
    assert ended.status == 0, ended.output
    assert "Exporting courses" in ended.output
    assert "━" in ended.output
    assert "100%" in ended.output


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[Database]:
    async with database_at(stack.catalog_database_url) as database:
        yield database


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return hold(monkeypatch)


@pytest.mark.parametrize("form", ["csv", "ndjson"])
async def test_one_that_fails_in_the_middle_leaves_no_file(
    admin: Client, courses: list[int], tmp_path: Path, gate: Gate, database: Database, form: str
) -> None:
    (tmp_path / f"courses.{form}").write_text("of yesterday")
    async with started(admin, tmp_path, "export", "courses", "-o", f"courses.{form}") as command:
        await eventually(gate.reached)
        assert await database.kill_exports() == 1
        gate.open.set()
        ended = await command.end()
    assert (ended.status, ended.output) == (2, "")
    assert "The export failed: " in ended.errors
    assert "#error" not in ended.errors
    assert names_in(tmp_path) == [f"courses.{form}"]
    assert (tmp_path / f"courses.{form}").read_text() == "of yesterday"


async def has_part(folder: Path) -> bool:
    return (folder / "courses.csv.part").exists()


async def test_control_one_that_is_only_held_up_is_whole(
    admin: Client, courses: list[int], tmp_path: Path, gate: Gate, database: Database
) -> None:
    async with started(admin, tmp_path, "export", "courses", "-o", "courses.csv") as command:
        await eventually(lambda: has_part(tmp_path))
        assert names_in(tmp_path) == ["courses.csv.part"]
        gate.open.set()
        ended = await command.end()
    assert ended.status == 0, ended.errors
    assert names_in(tmp_path) == ["courses.csv"]


async def test_interrupted_it_leaves_no_file(
    admin: Client, courses: list[int], tmp_path: Path, gate: Gate, database: Database
) -> None:
    async with started(admin, tmp_path, "export", "courses", "-o", "courses.csv") as command:
        await eventually(gate.reached)
        await eventually(lambda: has_part(tmp_path))
        command.interrupt()
        ended = await command.end()
        gate.open.set()
    assert ended.status == 130
    assert names_in(tmp_path) == []
    await eventually(database.has_none)
