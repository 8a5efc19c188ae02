"""`--json` of `muster import` and `muster export`."""

import json
from pathlib import Path

from tests.support.client import Client
from tests.support.importing import people, people_file
from tests.support.muster_command import Ended, muster, names_in
from tests.support.world import IMPORTS, new_course


def result(ended: Ended) -> dict[str, object]:
    """Standard output has nothing else."""
    [line] = ended.output.splitlines()
    return dict(json.loads(line))


async def test_an_import_is_its_last_state_and_says_where_refused_lines_are(admin: Client, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(people_file(*people([1]), (2, "", "No number")))
    ended = await muster(admin, tmp_path, "import", "people.csv", "--json")
    [job] = (await admin.get(f"{IMPORTS}/people")).data
    assert (ended.status, result(ended)) == (1, {**job, "refused_file": "people.csv.refused.csv"})
    assert f"Import people/{job['id']} completed" in ended.errors
    again = await muster(admin, tmp_path, "import", "--follow", f"people/{job['id']}", "--json", "--refused", "r.csv")
    assert (again.status, result(again)["refused_file"]) == (1, "r.csv")


async def test_a_whole_import_has_no_refused_file(admin: Client, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(people_file(*people([1])))
    ended = await muster(admin, tmp_path, "--quiet", "import", "people.csv", "--json")
    found = result(ended)
    assert (ended.status, found["created"], found["refused_file"]) == (0, 1, None)


async def test_a_file_that_is_not_taken_has_an_error_and_no_result(admin: Client, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,shoe_size\n")
    ended = await muster(admin, tmp_path, "import", "people.csv", "--json")
    assert (ended.status, ended.output) == (2, "")
    assert json.loads(ended.errors.splitlines()[-1])["error"]["code"] == "validation_failed"


async def test_an_export_is_its_file(admin: Client, tmp_path: Path) -> None:
    await new_course(admin)
    ended = await muster(admin, tmp_path, "export", "courses", "-o", "c.csv", "--json")
    size = len((tmp_path / "c.csv").read_bytes())
    found = result(ended)
    assert (found["file"], found["rows"], found["bytes"], "cursor" in found) == ("c.csv", 1, size, True)


async def test_an_export_onto_standard_output_is_the_list_alone(admin: Client, tmp_path: Path) -> None:
    ended = await muster(admin, tmp_path, "export", "courses", "-o", "-", "--json")
    assert (ended.status, ended.output, names_in(tmp_path)) == (2, "", [])
    assert "--output -" in json.loads(ended.errors)["error"]["message"]
