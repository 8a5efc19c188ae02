"""`./dev mutants`: small mistakes made in a module on purpose, and whether its unit tests notice each of them.

mutmut makes the mistakes in the bodies of functions and runs the tests, in a copy of the repository. What no test can
notice is listed with its reason in tests/mutants.toml.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from stack.console import Step, Steps
from stack.errors import StackError
from stack.paths import REPOSITORY

COPIED: Final = ("documents", "examples", "gateway", "services", "shared", "stack", "tests")
EXPLAINED: Final = REPOSITORY / "tests" / "mutants.toml"
SETTINGS: Final = """
[tool.mutmut]
source_paths = ["documents", "gateway", "services", "shared", "stack"]
only_mutate = {files}
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-p", "no:cacheprovider"]
use_git_change_detection = false
track_dependencies = false
"""
NOTICED: Final = frozenset({"killed", "timeout", "skipped", "caught by type check"})
_RESULT = re.compile(r"^ +(?P<name>[^ :]+): (?P<result>[a-z ]+)$", re.MULTILINE)
_PROGRESS = re.compile(r"(\d+)/(\d+)")


@dataclass(frozen=True)
class Change:
    """What a mutant changes, without its indentation: the same wherever in the module it stands."""

    module: str
    before: str
    after: str


def mutants(modules: Sequence[str], steps: Steps) -> int:
    """Report the mutants of these modules that no unit test notices; answers 1 when one of them is not explained."""
    files = [_file_of(module) for module in modules]
    tests = sorted({test for module in modules for test in unit_tests_of(module)})
    steps.say(f"  tests: {' '.join(tests)}")
    with _workspace() as copy:
        settings = SETTINGS.format(files=files, tests=tests).replace("'", '"')
        with (copy / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(settings)
        with steps.step("mutants") as step:
            results = _run(copy, step)
            step.result = f"{sum(result in NOTICED for result in results.values())} of {len(results)} noticed"
        survivors = {name: result for name, result in results.items() if result not in NOTICED}
        diffs = {name: _mutmut(copy, "show", name) for name in survivors}
    return _report(diffs, explanations(modules), steps)


def unit_tests_of(module: str) -> list[str]:
    """The unit tests whose text imports the module; raises StackError when there are none.

    Those of the pages and of the repository, beside the folders, are none of a module's.
    """
    parent, _, name = module.rpartition(".")
    imports = re.compile(
        rf"^ *(?:from {re.escape(module)} import|import {re.escape(module)}\b|"
        rf"from {re.escape(parent)} import (?:[^\n]*\b|\([^)]*\b){re.escape(name)}\b)",
        re.MULTILINE,
    )
    files = sorted((REPOSITORY / "tests" / "unit").glob("*/**/test_*.py"))
    found = [file for file in files if imports.search(file.read_text(encoding="utf-8"))]
    if not found:
        raise StackError(f"No test in tests/unit imports {module}.")
    return [str(file.relative_to(REPOSITORY)) for file in found]


def explanations(modules: Sequence[str] | None = None) -> dict[Change, str]:
    """Why no test can notice a change: those of tests/mutants.toml that are of these modules, or all."""
    entries = tomllib.loads(EXPLAINED.read_text(encoding="utf-8")).get("mutant", [])
    return {
        Change(entry["module"], entry["before"], entry["after"]): entry["why"]
        for entry in entries
        if modules is None or entry["module"] in modules
    }


def change_of(diff: str) -> Change:
    """What a diff of mutmut's changes."""
    lines = diff.splitlines()
    module = next(line for line in lines if line.startswith("--- ")).removeprefix("--- ").strip()
    before, after = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign) and not line.startswith(sign * 3))
        for sign in "-+"
    )
    return Change(module.removesuffix(".py").replace("/", "."), before, after)


def _report(diffs: dict[str, str], known: dict[Change, str], steps: Steps) -> int:
    unexplained = {name: diff for name, diff in diffs.items() if change_of(diff) not in known}
    for diff in unexplained.values():
        steps.say(diff)
    found = {change_of(diff) for diff in diffs.values()}
    for change in [change for change in known if change not in found]:
        steps.say(f"tests/mutants.toml explains a mutant that is noticed or gone: {change.before} -> {change.after}")
    steps.say(f"  {len(unexplained)} not noticed; {len(diffs) - len(unexplained)} more are explained")
    return 1 if unexplained else 0


def _file_of(module: str) -> str:
    file = Path(*module.split(".")).with_suffix(".py")
    if not (REPOSITORY / file).is_file():
        raise StackError(f"There is no module {module}: {file} does not exist.")
    return str(file)


@contextmanager
def _workspace() -> Iterator[Path]:
    """A copy of the code and its tests, for as long as the block runs."""
    with TemporaryDirectory(prefix="muster-mutants-") as directory:
        copy = Path(directory)
        for folder in COPIED:
            shutil.copytree(REPOSITORY / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(REPOSITORY / "pyproject.toml", copy)
        yield copy


def _run(copy: Path, step: Step) -> dict[str, str]:
    """The result of each mutant, by its name."""
    children = str(max(1, len(os.sched_getaffinity(0))))
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", children]
    process = subprocess.Popen(
        command, cwd=copy, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output = _follow(process, step)
    if process.wait() != 0:
        raise StackError(f"mutmut failed:\n{output}")
    return {found["name"]: found["result"] for found in _RESULT.finditer(_mutmut(copy, "results", "--all", "true"))}


def _follow(process: "subprocess.Popen[bytes]", step: Step) -> str:
    """Shows how far it is; the end of what it printed."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    output = ""
    while chunk := os.read(process.stdout.fileno(), 65536):
        output = (output + chunk.decode("utf-8", "replace"))[-4000:]
        if found := _PROGRESS.findall(output):
            done, total = map(int, found[-1])
            step.advance(done, total)
    return output


def _mutmut(copy: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=copy, stdout=subprocess.PIPE, text=True, check=True).stdout
