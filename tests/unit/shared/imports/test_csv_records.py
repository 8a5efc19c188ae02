import csv
import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.imports import csv_records
from shared.imports.csv_records import CsvRecords, Record
from shared.imports.lines import MAX_KEPT, MAX_RECORD, ImportRefused
from shared.imports.text_lines import TextLines

SEPARATORS = st.sampled_from(",;\t")
CELLS = st.text(
    st.one_of(st.sampled_from("\",;\t\r\n 'a"), st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
)
CLOSED_WITHIN = "A quote is closed within a cell: quotes within quotes are doubled."
NEVER_CLOSED = "A quote is opened and never closed."


def read(text: str, separator: str = ",") -> list[Record]:
    lines, records = TextLines(), CsvRecords(separator)
    return [*records.feed(lines.feed(text)), *records.feed(lines.close()), *records.close()]


def read_by_csv(text: str, separator: str) -> list[list[str]]:
    """What Python's own reader makes of it; raises `csv.Error`."""
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True) if row]


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=6), SEPARATORS, st.sampled_from(["\r\n", "\n", "\r"]))
def test_what_other_programs_write_is_read_as_it_was_meant(rows: list[list[str]], separator: str, end: str) -> None:
    written = io.StringIO(newline="")
    dialect = "excel" if end == "\r\n" else "unix"  # the second quotes all: the writer knows no line end but its own
    csv.writer(written, dialect, delimiter=separator, lineterminator=end).writerows(rows)
    assert [list(record.cells) for record in read(written.getvalue(), separator)] == rows


@given(st.text(st.sampled_from('""",;a\r\n'), max_size=40), SEPARATORS)
def test_any_text_is_read_as_by_another_reader_where_that_finds_no_fault(text: str, separator: str) -> None:
    records = read(text, separator)
    try:
        rows = read_by_csv(text, separator)
    except csv.Error:
        assert any(record.reason for record in records)
        return
    assert [(list(record.cells), record.reason) for record in records] == [(row, None) for row in rows]


@given(st.text(st.sampled_from('""",;a\r\n'), max_size=60), st.lists(st.integers(0, 60)))
def test_records_are_the_same_in_whatever_pieces_they_come(text: str, places: list[int]) -> None:
    cuts = [0, *sorted(places), len(text)]
    lines, records = TextLines(), CsvRecords(",")
    found: list[Record] = []
    for begin, end in itertools.pairwise(cuts):
        found += records.feed(lines.feed(text[begin:end]))
    found += [*records.feed(lines.close()), *records.close()]
    assert found == read(text)


def test_each_record_has_the_line_on_which_it_begins() -> None:
    assert [record.number for record in read('a\n\n"b\r\nc\r",d\r\re,"""f"\n"\n"')] == [1, 3, 7, 8]
    assert [record.text for record in read('a\n\n"b\r\nc\r",d\r\re,"""f"\n')] == ["a", '"b\r\nc\r",d', 'e,"""f"']


def test_lines_before_the_records_are_counted() -> None:
    assert [record.number for record in CsvRecords(",", 4).feed(["a\n", '"b"\n'])] == [5, 6]


def test_a_quote_that_is_never_closed_costs_its_line_alone() -> None:
    assert read('a,b\nc,"d,e\nf,g\nh,i') == [
        Record(1, "a,b", ["a", "b"]),
        Record(2, 'c,"d,e', ["c"], NEVER_CLOSED),
        Record(3, "f,g", ["f", "g"]),
        Record(4, "h,i", ["h", "i"]),
    ]


def test_a_quote_that_another_line_closes_costs_its_line_alone() -> None:
    assert read('1,"O Brien,x\n2,"Smith, J",y\n3,"z",z\n') == [
        Record(1, '1,"O Brien,x', ["1"], CLOSED_WITHIN),
        Record(2, '2,"Smith, J",y', ["2", "Smith, J", "y"]),
        Record(3, '3,"z",z', ["3", "z", "z"]),
    ]


def test_a_cell_that_a_later_line_gave_is_none_of_the_record() -> None:
    [first, *_] = read('"a;1\n2";"3"x;4\n5', ";")
    assert first == Record(1, '"a;1', [], CLOSED_WITHIN)


def test_what_stands_behind_a_closed_quote_is_a_fault() -> None:
    assert read('a,"b"c,d\ne,"f" ,g\n') == [
        Record(1, 'a,"b"c,d', ["a"], CLOSED_WITHIN),
        Record(2, 'e,"f" ,g', ["e"], CLOSED_WITHIN),
    ]


def test_a_quote_within_a_cell_without_quotes_is_one_of_its_characters() -> None:
    assert [record.cells for record in read('5" tube, "a"\n')] == [['5" tube', ' "a"']]


def test_a_quote_that_is_not_closed_within_a_megabyte_is_given_up() -> None:
    others = "".join(f"{number},{'x' * 100}\n" for number in range(15_000))
    records = read(f'a,"b\n{others}')
    assert records[0] == Record(1, 'a,"b', ["a"], NEVER_CLOSED)
    assert [record.cells[0] for record in records[1:]] == [str(number) for number in range(15_000)]
    assert [record.number for record in records[1:]] == list(range(2, 15_002))


def test_a_line_that_is_too_long_is_refused_and_its_beginning_kept() -> None:
    records = read(f"a\n{'x,' * MAX_RECORD}\nb\n")
    assert [record.cells for record in records if record.reason is None] == [["a"], ["b"]]
    assert records[1].number == 2
    assert records[1].reason == f"The line has more than {MAX_RECORD:,} characters."
    assert len(records[1].text) == MAX_KEPT
    assert records[2].number == 3


def test_an_open_quote_before_a_line_that_is_too_long_costs_its_own_line() -> None:
    records = read(f'"a\n{"x" * (2 * MAX_RECORD)}\n"b"\n')
    assert [(record.number, record.reason is None) for record in records] == [(1, False), (2, False), (3, True)]
    assert records[0].reason == NEVER_CLOSED


def test_open_quotes_cannot_make_a_file_be_read_over_and_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_records, "MAX_READ_AGAIN", 10 * MAX_RECORD)
    again_and_again = 'a","b\n' * 400_000  # as seen from any line, a quote is open at the end of all the others
    with pytest.raises(ImportRefused, match="again and again, last in line 2"):
        read(again_and_again)


def test_control_the_same_file_with_few_lines_is_refused_line_by_line() -> None:
    assert [(record.number, record.reason) for record in read('a","b\n' * 20)] == [
        (number, NEVER_CLOSED) for number in range(1, 21)
    ]


def test_quotes_are_doubled_in_each_line_of_a_cell() -> None:
    assert [record.cells for record in read('"a""b\n""c""\nd""",e\n')] == [['a"b\n"c"\nd"', "e"]]


def test_of_a_record_with_several_open_quotes_the_cells_before_the_first_are_certain() -> None:
    assert read('1,"a\nb","c\nd"x\n')[0] == Record(1, '1,"a', ["1"], CLOSED_WITHIN)
    assert read('1,"a\nb\nc","d\ne')[0] == Record(1, '1,"a', ["1"], NEVER_CLOSED)


def test_a_blank_line_is_skipped_also_where_it_is_read_again() -> None:
    assert read('"a\n\n\r\nb') == [Record(1, '"a', [], NEVER_CLOSED), Record(4, "b", ["b"])]


def test_only_the_end_of_a_line_is_no_part_of_its_text() -> None:
    assert [record.text for record in read('aX\n"b",X\n"c"X\n a \n"b", \n"c" \n')] == [
        "aX", '"b",X', '"c"X', " a ", '"b", ', '"c" ',
    ]  # fmt: skip
    assert [record.reason for record in read('"a\nb" \n')] == [CLOSED_WITHIN, None]
    assert [record.reason for record in read('"a\nb"X\n')] == [CLOSED_WITHIN, None]


def test_a_record_of_as_many_characters_as_are_allowed_is_read() -> None:
    """After another record, of which nothing is counted to it."""
    assert read(f'"a"\n"{"x" * (MAX_RECORD - 3)}"\n')[1].reason is None
    longer = read(f'"a"\n"{"x" * (MAX_RECORD - 2)}"\n')[1]
    assert longer.reason == f"The line has more than {MAX_RECORD:,} characters."


def test_what_is_read_again_counts_with_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_records, "MAX_READ_AGAIN", len("b\n") + csv_records.LINE_COSTS)
    assert len(read('"a\nb\n')) == 2
    monkeypatch.setattr(csv_records, "MAX_READ_AGAIN", len("b\n") + csv_records.LINE_COSTS - 1)
    with pytest.raises(ImportRefused):
        read('"a\nb\n')
