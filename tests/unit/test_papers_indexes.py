"""Whoever looks for something finds it: folders, pages, commands and terms are listed where a reader looks for them."""

import argparse
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from stack.cli import make_parser
from tests.support.papers import FENCED, PAGES, ROOT, linked_files, links, listed, name_of, section, text_of

DOCS = ROOT / "docs"
PRODUCT = ("gateway", "services", "shared", "stack")
INSIDE_A_SERVICE = {"migrations", "store", "use_cases"}
"""Folders of a service that architecture.md describes once for all services."""
COMMAND = re.compile(r"(?<![\w/])\./dev ([a-z][a-z-]*)((?: --[a-z][a-z-]*)?)")
MODULE = re.compile(r"\bpython -m ([a-z][\w.]*[\w])")
CODE = re.compile(r"`[^`\n]+`")
OTHERS_MODULES = {"venv", "pytest"}


def folders() -> set[Path]:
    """Those of the product down to the last package, of all else those at the top and one below."""
    files = [file.relative_to(ROOT) for file in listed() if not file.name.startswith(".")]
    product = {folder for file in files if file.parts[0] in PRODUCT for folder in file.parents}
    others = {Path(*file.parts[:depth]) for file in files for depth in (1, 2) if depth < len(file.parts)}
    return {folder for folder in product | others if is_described_by_itself(folder)}


def is_described_by_itself(folder: Path) -> bool:
    in_a_service = folder.parts[:1] == ("services",) and len(folder.parts) > 2 and folder.name in INSIDE_A_SERVICE
    return (
        bool(folder.parts)
        and not folder.parts[0].startswith(".")
        and folder.parts[:2] != ("bench", "peers")
        and not in_a_service
    )


def described_folders(architecture: str) -> set[Path]:
    rows = re.findall(
        r"^\| \[([\w/-]+)/\]\(\S+\) \| \S.*\|$", section(architecture, "## Where things are"), re.MULTILINE
    )
    return {Path(row) for row in rows}


def commands(text: str) -> set[tuple[str, str]]:
    """The commands of `./dev` in blocks and in `code font`, each with its first option."""
    code = [*FENCED.findall(text), *CODE.findall(FENCED.sub("", text))]
    return {(command, option.strip()) for piece in code for command, option in COMMAND.findall(piece)}


def unknown_commands(text: str) -> list[str]:
    known = subcommands()
    wrong = [f"./dev {command}" for command, _ in commands(text) if command not in known]
    return sorted(
        wrong + [f"./dev {command} {option}" for command, option in commands(text) if not takes(command, option)]
    )


def takes(command: str, option: str) -> bool:
    """Whether the command has the option, or hands all options on (to pytest, to the bench)."""
    parser = subcommands().get(command)
    if parser is None or not option:
        return True
    hands_on = any(action.nargs == argparse.REMAINDER for action in parser._actions)
    return hands_on or option in parser._option_string_actions


def subcommands() -> dict[str, argparse.ArgumentParser]:
    [action] = [each for each in make_parser()._actions if isinstance(each, argparse._SubParsersAction)]
    return dict(action.choices)


def unknown_modules(text: str) -> list[str]:
    """Modules that a page runs with `python -m` and that are neither here nor a library's."""
    return [name for name in MODULE.findall(text) if name not in OTHERS_MODULES and not is_module(name)]


def is_module(name: str) -> bool:
    path = ROOT / Path(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file() or name == "services.X"


def files_of_the_walk(readme: str) -> list[str]:
    """The modules that the steps of README's "Follow one enrollment" link to, in their order."""
    return [target for target in links(section(readme, "## Follow one enrollment")) if target.endswith(".py")]


def repeated(files: list[str]) -> set[str]:
    return {file for file in files if files.count(file) > 1}


def not_linked(pages: Iterable[Path], index: Path) -> list[str]:
    return [name_of(page) for page in pages if page != index and page not in linked_files(index)]


def test_every_folder_has_its_line() -> None:
    described = described_folders(text_of(DOCS / "architecture.md"))
    assert folders() - described == set()
    assert {folder for folder in described if not (ROOT / folder).is_dir()} == set()


def test_every_page_of_docs_is_in_the_readme() -> None:
    assert not_linked(sorted(DOCS.glob("*.md")), ROOT / "README.md") == []


def test_every_how_to_page_is_in_their_index() -> None:
    assert not_linked(sorted((DOCS / "how-to").glob("*.md")), DOCS / "how-to" / "README.md") == []


def test_following_one_enrollment_passes_each_module_once() -> None:
    assert repeated(files_of_the_walk(text_of(ROOT / "README.md"))) == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_of_a_page_exist(page: Path) -> None:
    assert unknown_commands(text_of(page)) == []
    assert unknown_modules(text_of(page)) == []


def test_the_glossary_has_the_terms_and_each_once() -> None:
    terms = re.findall(r"^\| ([a-z][\w ,-]*) \| \S", text_of(DOCS / "glossary.md"), re.MULTILINE)
    assert len([term for term in terms if term != "term"]) >= 30
    assert sorted({term for term in terms if terms.count(term) > 1}) == ["term"]


def test_control_a_folder_without_a_line_is_noticed() -> None:
    text = text_of(DOCS / "architecture.md").replace("| [shared/http/server/](", "| [shared/http/](")
    assert folders() - described_folders(text) == {Path("shared/http/server")}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("`./dev upp`", ["./dev upp"]),
        ("`./dev up --attach`", ["./dev up --attach"]),
        ("```sh\n./dev nothing --at all\n```", ["./dev nothing"]),
        ("what `./dev` is, `./dev up --detach` and `./dev test tests/unit -x`; ./dev is not in code font", []),
    ],
)
def test_control_a_command_that_is_not_there_is_noticed(text: str, wrong: list[str]) -> None:
    assert unknown_commands(text) == wrong


def test_control_a_module_that_the_walk_passes_twice_is_noticed() -> None:
    text = text_of(ROOT / "README.md").replace("messaging/consumer.py", "messaging/relay.py")
    assert repeated(files_of_the_walk(text)) == {"shared/messaging/relay.py"}


def test_control_a_module_that_is_not_there_is_noticed() -> None:
    assert unknown_modules("`python -m services.nowhere serve` and `python -m gateway`") == ["services.nowhere"]
