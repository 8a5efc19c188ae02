import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.imports.cells import items
from shared.imports.csv_out import csv_line, defused, listed, restored

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
TRICKY = st.text(st.sampled_from("'=+-@\t\r\n\",;|\\ ab"))


def cells_of(line: bytes, separator: str = ",") -> list[str]:
    return next(csv.reader(io.StringIO(line.decode(), newline=""), delimiter=separator, strict=True))


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe_in_front(text: str) -> None:
    assert defused(text) == f"'{text}"
    assert cells_of(csv_line(["a", text])) == ["a", f"'{text}"]


@pytest.mark.parametrize("text", ["a=1", " =1", "O'Brien", "'tis", "1-2", ""])
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert defused(text) == text
    assert restored(text) == text


@given(st.one_of(TEXTS, TRICKY))
def test_what_was_defused_is_restored(text: str) -> None:
    assert restored(defused(text)) == text


@given(st.one_of(TEXTS, TRICKY))
def test_no_cell_of_a_text_begins_a_formula(text: str) -> None:
    assert not cells_of(csv_line(["x", text]))[1].startswith(tuple("=+-@\t\r\n＝＋－＠"))


@given(st.lists(st.one_of(TEXTS, TRICKY), min_size=1, max_size=5), st.sampled_from(",;\t"))
def test_other_programs_read_the_same_cells(cells: list[str], separator: str) -> None:
    line = csv_line(cells, separator)
    assert line.endswith(b"\r\n")
    assert [restored(cell) for cell in cells_of(line, separator)] == cells


@given(st.lists(TRICKY, min_size=1, max_size=5).filter(lambda texts: texts != [""]))
def test_a_list_is_one_cell_and_can_be_read_again(texts: list[str]) -> None:
    assert items(defused(listed(texts))) == texts
    assert items(cells_of(csv_line(["x", texts]))[1]) == texts


def test_values_are_written_as_json_has_them() -> None:
    moment = datetime(2026, 5, 15, 11, 0, 0, 500, timezone(timedelta(hours=2)))
    assert (
        csv_line([None, True, False, -5, Decimal("1E+3"), Decimal("-0.50"), 1.5])
        == b",true,false,-5,1000,-0.50,1.5\r\n"
    )
    assert csv_line([moment, date(2026, 5, 15)]) == b"2026-05-15T09:00:00.000500Z,2026-05-15\r\n"
    assert csv_line([datetime(2026, 1, 1, tzinfo=UTC), [1, None, "a|b"], (), ""]) == (
        b"2026-01-01T00:00:00.000000Z,1||a\\|b,,\r\n"
    )


def test_a_line_of_one_empty_cell_is_not_blank() -> None:
    assert csv_line([None]) == b'""\r\n'
    assert csv_line([""], ";") == b'""\r\n'


def test_what_separates_cells_in_other_languages_is_in_quotes() -> None:
    assert csv_line(["a;b", "a\tb", "a,b", ' a"']) == b'"a;b","a\tb","a,b"," a"""\r\n'


@pytest.mark.parametrize("value", [{}, object(), {1}, b"x"])
def test_what_has_no_form_in_a_cell_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="has no form in a cell"):
        csv_line([value])
