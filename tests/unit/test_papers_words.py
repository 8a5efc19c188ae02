"""Pages, comments and messages are in plain English: none has an expression that the field has a better word for."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.papers import FENCED, PAGES, listed, name_of, one_line, text_of

EXPRESSIONS = {
    r"\bstands? (twice|doubled)\b": "is repeated, is given more than once",
    r"\bin the middle (of|and|where)\b|\b(ms|seconds|times as long) in the middle\b": "at the median; half-way",
    r"\bfor 99 of a hundred\b": "at p99",
    r"\b(broke|breaks?|breaking) off\b": "ends early, drops the connection",
    r"\b(is|are|was|were|not) told\b|\btells? of\b|\btold of\b": "says, reports, describes",
    r"\bmoments? of the calendar\b": "a valid date-time",
    r"\b(is|are|was|being) away\b": "is unavailable",
    r"\b(makes?|made|making|counts?|built) anew\b": "again; rebuilds",
    r"\bmend(s|ed|ing)?\b": "fixes, corrects, repairs",
    r"\basks? again at once\b": "in a closed loop",
    r"\bgoes on by itself\b": "recovers by itself",
    r"\bhosts? with time\b": "a quiet host",
    r"\bplain requests?\b": "a simple request",
    r"\bordinary way\b|\baiohttp's way\b": "the standard path",
    r"\bfewer places\b": "a lower capacity",
    r"\b(gives?|given|gave) out\b": "assigns",
    r"\bset aside\b": "dead-lettered",
    r"\b(two|second) walls?\b|\bwalls? between\b": "separation, a second line of defence",
    r"\bthe house\b": "the system, the architecture",
    r"\b(same|own|its) rooms?\b": "module, package",
    r"\bthe news\b": "the event",
    r"\bin small letters\b": "in lower case",
    r"\b(its|whose) time is over\b": "expired",
    r"\b(good|bad) (token|request)s?\b": "valid, invalid",
    r"\btabulators?\b": "tabs",
    r"\bhalf a character\b": "a lone surrogate",
    r"\bis let in\b": "is admitted",
    r"\bpresent states?\b": "the snapshot, the current state",
    r"\bnobody's turn\b": "no connection was released",
    r"\basked plainly\b|\bis good still\b": "",
}
"""Expression → what the field says instead."""
CODE = re.compile(r"`[^`]*`")
CITED = {"docs/licences.md"}
"""Pages that quote others' texts."""


def dialect(text: str) -> list[str]:
    """The expressions in the prose of a text; blocks and `code font` are somebody's exact words."""
    prose = one_line(CODE.sub("", FENCED.sub("", text)))
    return [found.group() for expression in EXPRESSIONS for found in re.finditer(expression, prose, re.IGNORECASE)]


def prose_of(file: Path) -> Iterator[tuple[int, str]]:
    """Comments, docstrings and messages of a source, each with its line."""
    if file.suffix == ".py":
        for token in tokenize.generate_tokens(io.StringIO(text_of(file)).readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                yield token.start[0], token.string
    else:
        for number, line in enumerate(text_of(file).splitlines(), start=1):
            yield number, line.partition("--")[2]


def dialect_of_source(file: Path) -> list[str]:
    return [f"{name_of(file)}:{line}: {found}" for line, text in prose_of(file) for found in dialect(text)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_is_in_plain_english(page: Path) -> None:
    assert name_of(page) in CITED or dialect(text_of(page)) == []


@pytest.mark.parametrize("folder", ["bench", "clients", "gateway", "services", "shared", "stack", "tests"])
def test_a_source_is_in_plain_english(folder: str) -> None:
    files = [file for file in listed(f"{folder}/*.py", f"{folder}/*.lua") if file != Path(__file__)]
    assert [found for file in files for found in dialect_of_source(file)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a parameter that stands\ntwice", ["stands twice"]),
        ("3.1 ms in the\n> middle, 9 for 99 of a hundred", ["ms in the middle", "for 99 of a hundred"]),
        ("Redis is away, and that is told in the log", ["is told", "is away"]),
        ("`the body broke off` is a message", []),
        ("given more than once; 9 ms at p99; Redis is unavailable", []),
    ],
)
def test_control_an_expression_is_noticed(text: str, found: list[str]) -> None:
    assert dialect(text) == found


def test_control_an_expression_in_a_source_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.papers.ROOT", tmp_path)
    source = tmp_path / "source.py"
    source.write_text(
        'def f() -> str:\n    """It is told."""\n    is_told = 1  # in small letters\n    return "is away"\n'
    )
    assert [found.partition(": ")[2] for found in dialect_of_source(source)] == [
        "is told",
        "in small letters",
        "is away",
    ]
