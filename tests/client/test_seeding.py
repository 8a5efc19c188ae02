"""`./dev seed` in a size: its rows go in through the `muster` command, and once."""

import re
from io import StringIO
from pathlib import Path

from rich.console import Console

from stack.console import Steps
from stack.product.seed_files import FIRST_PERSON
from stack.product.seeding import Sizes, Target, import_rows
from tests.support.client import Client
from tests.support.muster_command import names_in
from tests.support.world import COURSES, EMPLOYEES, SESSIONS

SIZES = Sizes(people=1100, enrollments=300, courses=4, sessions=21, places=15)


async def imported(admin: Client, folder: Path, sizes: Sizes = SIZES) -> list[str]:
    """What the steps said of each file."""
    assert admin.token is not None
    console = Console(file=StringIO(), width=200)
    with Steps(console) as steps:
        await import_rows(sizes, Target(admin.url, admin.token), folder, folder / "seed.log", steps)
    assert isinstance(console.file, StringIO)
    return re.findall(r"completed: (.*?), 0 removed, 0 refused", console.file.getvalue())


async def test_rows_are_imported_and_a_second_time_they_are_there(admin: Client, tmp_path: Path) -> None:
    assert await imported(admin, tmp_path) == [
        "4 lines, 4 created, 0 changed, 0 unchanged",
        "21 lines, 21 created, 0 changed, 0 unchanged",
        "1,100 lines, 1,100 created, 0 changed, 0 unchanged",
    ]
    assert await imported(admin, tmp_path) == [
        "4 lines, 0 created, 0 changed, 4 unchanged",
        "21 lines, 0 created, 0 changed, 21 unchanged",
        "1,100 lines, 0 created, 0 changed, 1,100 unchanged",
    ]
    assert names_in(tmp_path) == ["seed.log"]
    courses = (await admin.get(COURSES)).data
    assert [course["title"] for course in courses] == [f"Course 0000{number}" for number in range(4)]
    sessions = (await admin.get(SESSIONS, per_page=100)).data
    assert {session["course"]["id"] for session in sessions} == {course["id"] for course in courses}
    assert {session["max_participants"] for session in sessions} == {15}
    person = (await admin.get(f"{EMPLOYEES}/{FIRST_PERSON + 1}")).data
    assert (person["employee_id"], person["company"]) == ("P-000001", {"id": 2, "name": "Contractor 2"})


async def test_a_larger_size_adds_what_is_missing(admin: Client, tmp_path: Path) -> None:
    await imported(admin, tmp_path)
    larger = Sizes(people=1101, enrollments=300, courses=4, sessions=22, places=15)
    [courses, sessions, people] = await imported(admin, tmp_path, larger)
    assert courses == "4 lines, 0 created, 0 changed, 4 unchanged"
    assert sessions == "22 lines, 1 created, 0 changed, 21 unchanged"
    assert people == "1,101 lines, 1 created, 0 changed, 1,100 unchanged"
