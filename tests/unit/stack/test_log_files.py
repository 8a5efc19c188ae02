from pathlib import Path

import pytest

from stack.processes import log_files
from stack.processes.log_files import Follower, tail


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "catalog.log"


def append(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


@pytest.mark.parametrize("block", [1, 3, 64 * 1024])
@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_the_last_lines_are_whole(log: Path, monkeypatch: pytest.MonkeyPatch, block: int, count: int) -> None:
    monkeypatch.setattr(log_files, "BLOCK_BYTES", block)
    log.write_text("one\n\nthree é\n")
    assert tail(log, count) == ["one", "", "three é"][-count:]


def test_a_line_that_is_still_being_written_is_shown(log: Path) -> None:
    log.write_text("one\ntw")
    assert tail(log, 5) == ["one", "tw"]


def test_what_was_rotated_away_comes_first(log: Path) -> None:
    log.with_suffix(".log.1").write_text("1\n2\n3\n")
    log.write_text("4\n")
    assert tail(log, 3) == ["2", "3", "4"]
    assert tail(log, 1) == ["4"]


def test_an_empty_or_missing_log_has_no_lines(log: Path) -> None:
    assert tail(log, 5) == []
    log.touch()
    assert tail(log, 5) == []


def test_what_is_appended_is_followed_line_by_line(log: Path) -> None:
    log.write_text("old\n")
    follower = Follower(log)
    assert list(follower.lines()) == []
    append(log, "on")
    assert list(follower.lines()) == []
    append(log, "e\ntwo\n")
    assert list(follower.lines()) == ["one", "two"]


def test_rotation_loses_no_line(log: Path) -> None:
    log.touch()
    follower = Follower(log)
    append(log, "before\n")
    log.replace(log.with_suffix(".log.1"))
    append(log.with_suffix(".log.1"), "still to the old file\n")
    append(log, "after\n")
    assert list(follower.lines()) == ["before", "still to the old file", "after"]
    append(log, "later\n")
    assert list(follower.lines()) == ["later"]


def test_an_emptied_log_is_read_from_its_beginning(log: Path) -> None:
    log.write_text("a long line before\n")
    follower = Follower(log)
    log.write_text("new\n")
    assert list(follower.lines()) == ["new"]


def test_a_log_that_comes_later_is_followed(log: Path) -> None:
    follower = Follower(log)
    assert list(follower.lines()) == []
    append(log, "first\n")
    assert list(follower.lines()) == ["first"]


def test_a_line_without_end_is_bounded(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "LONGEST_LINE_BYTES", 10)
    log.touch()
    follower = Follower(log)
    append(log, "x" * 30)
    assert list(follower.lines()) == ["x" * 30]
