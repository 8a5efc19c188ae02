"""Operators find every warning and error of the log in docs/operations.md, and no message that is never written."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.papers import ROOT, listed, section, text_of

PAGE = ROOT / "docs" / "operations.md"
PRODUCT = ("gateway/*.py", "services/*.py", "shared/*.py")
LEVELS = {"warning", "error", "exception", "critical"}
PLACEHOLDER = re.compile(r"%[-.\d]*[a-z]")


def documented(page: str) -> set[str]:
    rows = re.findall(r"^\| (`.+?`) \| [^`|]", section(page, "## The log"), re.MULTILINE)
    return {message for row in rows for message in re.findall(r"`([^`]+)`", row)}


def written(files: Sequence[Path]) -> set[str]:
    """The messages at WARNING and above, with `…` for what is filled in."""
    return {PLACEHOLDER.sub("…", message) for file in files for message in _messages(file)}


def _messages(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(text_of(file))):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log"), attr=level),
                args=[ast.Constant(value=str(message)), *_],
            ) if level in LEVELS:
                yield message
            case _:
                pass


def test_the_page_has_every_message_and_no_other() -> None:
    assert documented(text_of(PAGE)) == written(listed(*PRODUCT))


@pytest.mark.parametrize("message", ["unhandled exception", "Redis is available again"])
def test_control_a_message_that_is_missing_is_noticed(message: str) -> None:
    text = text_of(PAGE).replace(f"`{message}`", "`something else`")
    assert written(listed(*PRODUCT)) - documented(text) == {message}
    assert documented(text) - written(listed(*PRODUCT)) == {"something else"}
