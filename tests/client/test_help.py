"""What `muster` says of itself: help for every command, and what the tab key offers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from muster.cli import app
from tests.support.muster_command import environment, muster_with

SHELL = environment("http://127.0.0.1:9")


LISTS = ("courses", "sessions", "people", "staff", "enrollments")
OTHERS = ("login", "logout", "whoami", "enroll", "complete", "history", "clearance", "import", "export")


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, (*path, name))


ALL = dict(commands(get_command(app)))
ENDS = {path: command for path, command in ALL.items() if not hasattr(command, "commands")}


def test_these_are_the_commands() -> None:
    lists = {(name, verb) for name in LISTS for verb in ("list", "show")}
    assert set(ENDS) == lists | {("events", "tail")} | {(name,) for name in OTHERS}


@pytest.mark.parametrize("path", ENDS, ids=" ".join)
def test_each_has_help_for_all_that_it_takes_and_says_how_it_ends(path: tuple[str, ...]) -> None:
    command = ENDS[path]
    assert command.help
    assert (command.epilog or "").startswith("Exit status: 0")
    without = [each.name for each in command.params if not getattr(each, "help", None)]
    assert without == []
    assert "--json" in [option for each in command.params for option in each.opts]


@pytest.mark.parametrize("path", [(), ("courses",), ("events",), ("enroll",)], ids=" ".join)
async def test_help_needs_no_server_and_no_login(tmp_path: Path, path: tuple[str, ...]) -> None:
    ended = await muster_with(SHELL, tmp_path, *path, "--help")
    assert (ended.status, "Usage: muster" in ended.output, "\x1b" in ended.output) == (0, True, False), ended


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("muster cou", "courses"),
        ("muster courses l", "list"),
        ("muster courses list --js", "--json"),
        ("muster export compl", "compliance"),
    ],
)
async def test_the_tab_key_completes(tmp_path: Path, words: str, offered: str) -> None:
    completing = {"_MUSTER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    ended = await muster_with({**SHELL, **completing}, tmp_path)
    assert (ended.status, ended.output.split()) == (0, [offered]), ended
