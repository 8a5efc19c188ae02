import json
from pathlib import Path

import pytest

from stack.commands.logs import last_lines, log_files
from stack.errors import StackError


def line(second: int, message: str, request_id: str | None = None) -> str:
    return json.dumps({"time": f"2026-11-28T21:00:{second:02}+00:00", "message": message, "request_id": request_id})


def write(directory: Path, name: str, *lines: str) -> None:
    (directory / f"{name}.log").write_text("".join(f"{each}\n" for each in lines))


def messages(directory: Path, count: int, request_id: str | None = None) -> list[str]:
    return [each.text for each in last_lines(log_files(directory, []), count, request_id)]


def test_lines_of_all_logs_are_in_the_order_of_time(tmp_path: Path) -> None:
    write(tmp_path, "gateway", line(1, "a"), line(4, "d"))
    write(tmp_path, "catalog", line(2, "b"), line(3, "c"))
    assert messages(tmp_path, 50) == ["a", "b", "c", "d"]
    assert messages(tmp_path, 2) == ["c", "d"]


def test_lines_without_a_time_stay_behind_the_one_before(tmp_path: Path) -> None:
    write(tmp_path, "gateway", line(1, "a"), "Traceback", "  more")
    write(tmp_path, "catalog", line(2, "b"))
    assert messages(tmp_path, 50) == ["a", "Traceback", "  more", "b"]


def test_a_request_is_found_however_far_back_it_is(tmp_path: Path) -> None:
    write(tmp_path, "gateway", line(1, "mine", "r1"), *(line(2, "other", "r2") for _ in range(100)))
    write(tmp_path, "catalog", line(3, "mine too", "r1"), line(4, "none"))
    assert messages(tmp_path, 5, "r1") == ["mine", "mine too"]


def test_without_names_the_product_s_logs_are_shown(tmp_path: Path) -> None:
    for name in ("postgres", "history", "gateway", "seed"):
        write(tmp_path, name)
    assert [*log_files(tmp_path, [])] == ["gateway", "history"]
    assert [*log_files(tmp_path, ["seed"])] == ["seed"]


def test_an_unknown_log_is_refused_with_the_names_that_there_are(tmp_path: Path) -> None:
    write(tmp_path, "gateway")
    with pytest.raises(StackError, match=r"Unknown log 'nothing'\. The logs are gateway\."):
        log_files(tmp_path, ["nothing"])
    with pytest.raises(StackError, match="Unknown log"):
        log_files(tmp_path, ["../gateway"])


def test_without_any_log_it_says_how_to_start_the_stack(tmp_path: Path) -> None:
    write(tmp_path, "pip")
    with pytest.raises(StackError, match=r"\./dev up"):
        log_files(tmp_path, [])
