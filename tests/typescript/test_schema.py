"""docs/schema.d.ts, by TypeScript's own compiler: what it takes, and what it refuses."""

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from stack.commands.typescript import TYPES

PROGRAM = """\
import type { components, operations, paths } from "./schema";

type Course = components["schemas"]["CourseFields"];
const course: Course = {
  title: "Working at heights", category: "safety", delivery_mode: "in_person",
  duration_hours: 8, cost_per_participant: 120, provider: "internal",
};
type Filters = NonNullable<operations["listSessions"]["parameters"]["query"]>;
const filters: Filters = { status: "scheduled", per_page: 50 };
type Session = paths["/api/v1/training/sessions/{id}"]["get"]["responses"][200]["content"]["application/json"]["data"];
export const spots = (session: Session): number => session.available_spots;
export { course, filters };
"""
"""What a program in TypeScript writes: a body, filters, an answer."""
WRONG = [
    ('delivery_mode: "in_person"', 'delivery_mode: "by_post"', r"by_post.*is not assignable"),
    ('status: "scheduled"', 'status: "postponed"', r"postponed.*is not assignable"),
    ("duration_hours: 8", 'duration_hours: "eight"', r"'string' is not assignable to type 'number'"),
    ("title:", "name:", r"'name' does not exist"),
    ("session.available_spots", "session.spots", r"'spots' does not exist"),
    ("{id}", "{number}", r"'/api/v1/training/sessions/\{number\}' does not exist"),
]


@pytest.fixture(scope="module")
async def errors(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """What the compiler says of each file, with everything strict, of the types as well: `right.ts`, and one with each
    mistake. All at once, since most of its time goes into the types."""
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "schema.d.ts").write_bytes(TYPES.read_bytes())
    programs = {"right.ts": PROGRAM}
    for number, (right, wrong, _) in enumerate(WRONG):
        assert PROGRAM.count(right) == 1
        programs[f"wrong{number}.ts"] = PROGRAM.replace(right, wrong)
    for name, text in programs.items():
        (folder / name).write_text(text)
    return by_file(await compiled(folder, *programs))


async def compiled(folder: Path, *names: str) -> str:
    """What the compiler says."""
    compiler = Path(os.environ["TYPESCRIPT"]) / "node_modules" / "typescript" / "bin" / "tsc"
    process = await asyncio.create_subprocess_exec(
        os.environ["NODE"],
        str(compiler),
        *("--strict", "--exactOptionalPropertyTypes", "--noEmit", "--target", "es2022", "--module", "nodenext"),
        *names,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(150):
        output, _ = await process.communicate()
    assert process.returncode == 2, output
    return output.decode()


def by_file(output: str) -> Mapping[str, list[str]]:
    """`right.ts(3,7): error TS2322: …`; lines that are indented go on with the error before."""
    found: dict[str, list[str]] = {}
    for error in re.split(r"\n(?=\S)", output.strip()):
        found.setdefault(error.partition("(")[0], []).append(error)
    return found


async def test_a_program_with_these_types_compiles(errors: Mapping[str, list[str]]) -> None:
    """Its mistakes are all that is wrong."""
    assert sorted(errors) == [f"wrong{number}.ts" for number in range(len(WRONG))]


@pytest.mark.parametrize("number", range(len(WRONG)), ids=[wrong for _, wrong, _ in WRONG])
async def test_a_wrong_value_or_name_does_not(errors: Mapping[str, list[str]], number: int) -> None:
    [error] = errors[f"wrong{number}.ts"]
    assert re.search(WRONG[number][2], error), error
