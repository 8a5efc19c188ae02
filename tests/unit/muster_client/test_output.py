"""What a command writes: for programs, on a terminal, and elsewhere."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from muster.command.output import Columns, Output, Row, at

COLUMNS: Columns = {"id": "id", "course": "course.title", "start": "start_date"}
ROWS: list[dict[str, Any]] = [
    {"id": 1, "course": {"id": 7, "title": "Erste Hilfe é"}, "start_date": "2026-05-15T09:00:00.000000Z", "new": [1]},
    {"id": 2, "course": None, "start_date": None},
]


def written(
    *, as_json: bool = False, terminal: bool = False, rows: list[dict[str, Any]] = ROWS, **options: bool
) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=100, color_system=None if not terminal else "auto")
    Output(console, as_json=as_json).rows(rows, COLUMNS, **options)
    return file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_json_is_a_line_for_each_row_with_all_that_it_has(terminal: bool) -> None:
    assert [json.loads(line) for line in written(as_json=True, terminal=terminal).splitlines()] == ROWS


def test_without_a_terminal_there_are_tabs_and_nothing_else() -> None:
    assert written() == "id\tcourse\tstart\n1\tErste Hilfe é\t2026-05-15T09:00:00.000000Z\n2\t\t\n"
    assert written(heading=False).startswith("1\t")


def test_on_a_terminal_there_is_a_table_for_people() -> None:
    shown = written(terminal=True)
    assert "2026-05-15 09:00Z" in shown
    assert "\t" not in shown
    assert shown.count("\n") == 3


@pytest.mark.parametrize("terminal", [True, False])
def test_what_others_wrote_moves_no_cursor_and_makes_no_line(terminal: bool) -> None:
    hostile = "red\x1b[31m\tand\nnext\r\x9b[bold]"
    [_, line] = written(rows=[{"id": 1, "course": {"title": hostile}}], terminal=terminal).splitlines()
    assert "red?[31m" in line
    assert "[bold]" in line
    assert not {"\x1b[31m", "\x9b", "\r"} & {line[i : i + n] for n in (1, 5) for i in range(len(line))}


def test_rows_come_as_they_are_asked_for() -> None:
    """Nobody waits for the last one to see the first."""
    file = io.StringIO()
    seen: list[int] = []

    def rows() -> Iterator[Row]:
        for row in ROWS:
            seen.append(len(file.getvalue().splitlines()))
            yield row

    assert Output(Console(file=file), as_json=True).rows(rows(), COLUMNS) == 2
    assert seen == [0, 1]


def test_one_row_has_all_of_its_fields_by_their_place() -> None:
    file = io.StringIO()
    Output(Console(file=file), as_json=False).row({**ROWS[0], "labels": ["a", "b"], "passed": True, "of": [{"id": 1}]})
    assert dict(line.split("\t") for line in file.getvalue().splitlines()) == {
        "id": "1",
        "course.id": "7",
        "course.title": "Erste Hilfe é",
        "start_date": "2026-05-15T09:00:00.000000Z",
        "new": "1",
        "labels": "a, b",
        "passed": "yes",
        "of": '[{"id": 1}]',
    }


@pytest.mark.parametrize(("place", "found"), [("course.title", "Erste Hilfe é"), ("course.no", None), ("id.no", None)])
def test_a_place_that_is_not_there_is_empty(place: str, found: str | None) -> None:
    assert at(ROWS[0], place) == found
