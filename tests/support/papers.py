"""The pages of the repository as text: which there are, their headings and links, and what a name in them refers to."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "docs" / "decisions"

LINK = re.compile(r"\]\(([^)\s]*)\)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
NAMES_IN_FILE = re.compile(r"((?:`[\w.]+`(?:, | and )?)+) in `([\w.][\w./-]*)`")
LINK_AND_NAME = re.compile(r"\]\(([\w./-]+\.py)\), `([\w.]+)`")
CONTRACTS = re.compile(r'((?:"[^"`]+"(?:, | and )?)+) in `pyproject\.toml`')


@cache
def listed(*patterns: str) -> tuple[Path, ...]:
    """The files of the repository that match, those not committed yet included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(ROOT / name for name in names.splitlines() if (ROOT / name).is_file())


PAGES = listed("*.md")
SOURCES = listed("*.py", "*.sql", "*.lua", "*.toml", "dev")


def name_of(file: Path) -> str:
    """The path as the repository has it; the id of a test of each page."""
    return str(file.relative_to(ROOT))


@cache
def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def one_line(text: str) -> str:
    """The text with its line breaks removed, those of comments included: a sentence may be wrapped anywhere."""
    return re.sub(r"\s*\n\s*(?:#|--|>)?\s*", " ", text)


def headings(text: str, level: str = "#+") -> list[str]:
    return re.findall(rf"^{level} (.+)$", FENCED.sub("", text), re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Of the page's headings, as GitHub makes them."""
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings(text_of(page))]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def links(text: str) -> list[str]:
    return LINK.findall(FENCED.sub("", text))


def linked_files(page: Path) -> set[Path]:
    """The files of the repository that the page links to."""
    targets = [target.partition("#")[0] for target in links(text_of(page)) if not re.match(r"[a-z]+:", target)]
    return {(page.parent / target).resolve() for target in targets if target}


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one of the same level."""
    level = heading.partition(" ")[0]
    rest = text.partition(f"\n{heading}\n")[2]
    return re.split(rf"\n{level} ", rest)[0]


def names_in_files(text: str) -> list[tuple[str, str]]:
    """Each "`name` in `file`" of the text, also "`one` and `other` in `file`"."""
    found = NAMES_IN_FILE.findall(one_line(text))
    return [(name, file) for names, file in found for name in re.findall(r"`([^`]+)`", names)]


def names_of_linked_files(page: Path) -> list[tuple[str, str]]:
    """Each "[file](file.py), `name`" of the page."""
    found = LINK_AND_NAME.findall(one_line(text_of(page)))
    return [(name, str((page.parent / file).resolve().relative_to(ROOT))) for file, name in found]


def is_in(name: str, file: str) -> bool:
    """Whether the file exists and has the name: one of a Python file is defined there, another is a word of it."""
    path = ROOT / file
    if not path.is_file():
        return False
    return name in defined_in(path) if path.suffix == ".py" else has_word((path,), name)


@cache
def defined_in(file: Path) -> frozenset[str]:
    """The names that a module defines at its top or in a class: functions, classes, constants; `Class.method` too."""
    return frozenset(_definitions(ast.parse(text_of(file)).body))


def _definitions(body: Sequence[ast.stmt], prefix: str = "") -> list[str]:
    names: list[str] = []
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names += [name, prefix + name]
            case ast.ClassDef(name=name):
                names += [name, *_definitions(node.body, f"{name}.")]
            case ast.Assign(targets=targets):
                names += [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.append(name)
            case _:
                pass
    return names


def has_word(files: Sequence[Path], name: str) -> bool:
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return any(name in text_of(file) and word.search(text_of(file)) for file in files)


@cache
def linter_contracts() -> frozenset[str]:
    settings = tomllib.loads(text_of(ROOT / "pyproject.toml"))
    return frozenset(contract["name"] for contract in settings["tool"]["importlinter"]["contracts"])


def missing_names(text: str) -> list[str]:
    """What the text says is in a file and is not: names, linter contracts, and whole files in `code font`."""
    names = [f"{name} in {file}" for name, file in names_in_files(text) if not is_in(name, file)]
    contracts = [name for group in CONTRACTS.findall(one_line(text)) for name in re.findall(r'"([^"]+)"', group)]
    return [*names, *(name for name in contracts if name not in linter_contracts()), *missing_files(text)]


def missing_files(text: str) -> list[str]:
    """Paths in `code font` that begin with a folder of the repository and lead nowhere."""
    paths = re.findall(r"`([\w.*-]+/[\w./*-]+\w)`", text)
    ours = [path for path in paths if (ROOT / path.partition("/")[0]).is_dir()]
    return [path for path in ours if not any(ROOT.glob(path)) and not is_made_later(path)]


def is_made_later(path: str) -> bool:
    """Whether git ignores it: secrets, data and results, which a command makes."""
    command = ["git", "check-ignore", path, f"{path}/"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
