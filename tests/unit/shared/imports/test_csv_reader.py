import itertools
import tracemalloc
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.schemas import CourseFields, SessionFields
from shared.imports import text_reader
from shared.imports.csv_out import csv_line
from shared.imports.lines import MAX_KEPT, ImportRefused, Line
from shared.imports.readers import reader_of
from tests.support.imported_files import CSV, Person, errors, pieces, read, refusal, values

HEADER = b"id,full_name\n"


def test_columns_are_fields_and_those_of_an_object_are_dotted() -> None:
    body = b"id,full_name,company.id,company.name,type\n1,Eva,7,ACME,staff\n2,Bo,,,employee\n"
    assert values(body) == [
        {"id": 1, "full_name": "Eva", "company": {"id": 7, "name": "ACME"}, "type": "staff"},
        {"id": 2, "full_name": "Bo", "company": None, "type": "employee"},
    ]


def test_columns_come_in_any_order_and_need_not_all_be_there() -> None:
    assert values(b"full_name,id\nEva,1\n") == [{"id": 1, "full_name": "Eva"}]


def test_an_empty_cell_is_null_where_that_is_allowed_and_left_out_elsewhere() -> None:
    body = b"id,full_name,type,rate,is_active,courses,labels.id,labels.name\n1,,,,,,,\n"
    assert values(body) == [{"id": 1, "rate": None}]


def test_cells_have_the_types_of_their_fields() -> None:
    body = b"id,full_name,rate,is_active,courses\n007,12,-1.50,FALSE,1|2\n 8 ,'=x, 2 ,true,3\n"
    assert values(body) == [
        {"id": 7, "full_name": "12", "rate": Decimal("-1.50"), "is_active": False, "courses": [1, 2]},
        {"id": 8, "full_name": "=x", "rate": Decimal(2), "is_active": True, "courses": [3]},
    ]


@pytest.mark.parametrize(
    ("field", "cell", "reason"),
    [
        ("id", "1.0", "Must be a whole number."),
        ("id", "1_0", "Must be a whole number."),
        ("id", "12345678901234567890", "Must be a whole number."),
        ("id", "\u0661", "Must be a whole number."),
        ("rate", '"1,5"', "Must be a number with a decimal point, like 12.5."),
        ("rate", "1e3", "Must be a number with a decimal point, like 12.5."),
        ("rate", "NaN", "Must be a number with a decimal point, like 12.5."),
        ("is_active", "yes", "Must be true or false."),
        ("courses", "1|b", "Must be a whole number."),
        ("courses", "1" + "|1" * 1000, "Must have at most 1,000 items."),
        ("company.id", "x", "Must be a whole number."),
    ],
)
def test_a_cell_of_another_type_refuses_its_line_by_the_field(field: str, cell: str, reason: str) -> None:
    columns = {"id": "1", "full_name": "Eva", "company.id": "7", "company.name": "ACME"} | {field: cell}
    body = f"{','.join(columns)}\n{','.join(columns.values())}\n".encode()
    assert errors(body) == [(2, field, reason)]


def test_a_line_that_is_refused_has_what_can_be_read_of_it() -> None:
    lines, _ = read(b'id,full_name,rate\n1,Eva,x\n2,Bo\n3,"Cy\n4,Di,1\n')
    assert [(line.number, line.values) for line in lines] == [
        (2, {"id": 1, "full_name": "Eva"}),
        (3, None),
        (4, {"id": 3}),
        (5, {"id": 4, "full_name": "Di", "rate": Decimal(1)}),
    ]
    assert lines[1].errors[0].reason == "The line has 2 cells, and the header 3 columns."


def test_lists_of_objects_stand_side_by_side() -> None:
    body = b"id,full_name,labels.id,labels.name\n1,Eva,7|8,Night\\|day|Blue\n2,Bo,9,Red\n"
    assert [line["labels"] for line in values(body)] == [
        [{"id": 7, "name": "Night|day"}, {"id": 8, "name": "Blue"}],
        [{"id": 9, "name": "Red"}],
    ]


def test_lists_of_objects_must_have_as_many_items_in_each_column() -> None:
    header = b"id,full_name,labels.id,labels.name\n"
    assert errors(header + b"1,Eva,7|8,Blue\n") == [
        (2, "labels", "Must have as many items in each of its columns: id, name.")
    ]
    assert errors(header + b"1,Eva,7|x,a|b\n") == [(2, "labels.1.id", "Must be a whole number.")]
    assert len(errors(header + b"1,Eva," + b"|".join([b"x"] * 100) + b"," + b"|".join([b"y"] * 100))) == 20
    assert errors(header + b"1,Eva," + b"x" + b"|x" * 1000 + b",\n") == [
        (2, "labels", "Must have at most 1,000 items.")
    ]


def test_an_item_without_an_optional_member_has_null_for_it() -> None:
    columns = (
        "course_id,session_name,max_participants,meetings.id,meetings.start_date,meetings.end_date,meetings.location"
    )
    starts = "2026-01-01T09:00:00Z|2026-01-02T09:00:00Z"
    body = f"{columns}\n1,A,5,1|2,{starts},{starts.replace('T09', 'T10')},|Oslo\n"
    [session] = values(body.encode(), fields=SessionFields)
    assert [meeting["location"] for meeting in session["meetings"]] == [None, "Oslo"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found_in_the_header(separator: str) -> None:
    body = separator.join(("id", "full_name")) + "\n" + separator.join(("1", '"a,b;c\td"')) + "\n"
    assert values(body.encode()) == [{"id": 1, "full_name": "a,b;c\td"}]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_any_line_end_ends_a_line(end: str) -> None:
    body = end.join(("id,full_name", "1,a", "", "2,b")).encode()
    assert [(line.number, line.values) for line in read(body)[0]] == [
        (2, {"id": 1, "full_name": "a"}),
        (4, {"id": 2, "full_name": "b"}),
    ]


def test_line_ends_may_be_mixed() -> None:
    assert [line["id"] for line in values(b"id,full_name\r\n1,a\n2,b\r3,c\r\n\r\n4,d")] == [1, 2, 3, 4]


def test_a_file_as_a_spreadsheet_writes_it() -> None:
    body = 'ID;"full_name";;\r\n1;Müller;;\r\n2;"A; ""B""";;\r\n;;;\r\n;;;\r\n'.replace("ID", "id")
    expected = [{"id": 1, "full_name": "Müller"}, {"id": 2, "full_name": 'A; "B"'}]
    assert values(b"\xef\xbb\xbf" + body.encode()) == expected
    assert values(body.encode("cp1252"), "text/csv; charset=ISO-8859-1; header=present") == expected
    assert values(body.encode("utf-16"), 'text/csv;charset="UTF-16"') == expected
    assert values(body.encode("utf-16le"), charset="utf-16le") == expected


def test_a_cell_behind_the_last_column_is_refused_unless_it_is_empty() -> None:
    assert errors(b"id,full_name,\n1,a,\n2,b\n3,c,,\n4,d,x\n") == [
        (5, None, "The line has 3 cells, and the header 2 columns.")
    ]


def test_columns_whose_names_begin_with_a_hash_are_not_read() -> None:
    body = b"#line,#field,#reason,id,full_name,#line,#x\n12,full_name,Too long.,1,Eva,5,\n"
    assert values(body) == [{"id": 1, "full_name": "Eva"}]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf", "The file is empty."),
        (b"\r\n\n\r", "The file is empty."),
        (
            b"id,Full_Name\n",
            'The header has the column "Full_Name", which is not known. The first line names the columns',
        ),
        (b"1,Eva\n2,Bo\n", 'The header has the column "1", which is not known.'),
        (b"id;name;full_name\n", 'The header has the column "name", which is not known.'),
        (b"id,,full_name\n", "The header has a column without a name, which is not known."),
        (b"id,company,full_name\n", 'The header has the column "company", which is not known.'),
        (b"id,full_name,id\n", 'The header has the column "id" more than once.'),
        (b"id\n1\n", 'The header lacks the column "full_name", which is required.'),
        (b"id,full_name,company.id\n", 'The header lacks the column "company.name", which is required.'),
        (b"id,full_name" + b",#x" * 199 + b"\n", "The header has 201 columns; 200 are allowed."),
        (b'id,"full_name\n', "The header in line 1 cannot be read. A quote is opened and never closed."),
        (b'\n"id"x,full_name\n', "The header in line 2 cannot be read. A quote is closed within a cell"),
        (b"id,full_name," + b"x" * 2_000_000, "The header has more than 1,048,576 characters."),
        (b"id,full_name\n" + b"x" * 17_000_000, "The file has a line of more than 16,777,216 characters."),
    ],
)
@pytest.mark.parametrize("size", [7, 100_000_000])
def test_a_file_that_cannot_be_read_is_refused_with_a_clear_sentence(body: bytes, message: str, size: int) -> None:
    size = size if len(body) < 100_000 else 100_000
    assert refusal(body, size=size).startswith(message)
    assert read(body, size=size)[0] == []


def test_a_file_of_two_hundred_columns_is_read() -> None:
    assert values(b"id,full_name" + b",#x" * 198 + b"\n1,a" + b"," * 198) == [{"id": 1, "full_name": "a"}]


def test_a_header_alone_has_no_lines() -> None:
    assert read(b"id,full_name") == ([], None)
    assert read(HEADER) == ([], None)


def test_a_fault_comes_behind_the_lines_before_it() -> None:
    for size in (1, 5, 1000):
        lines, message = read(HEADER + b"1,Eva\n2,M\xfcller\n3,Bo\n", size=size)
        assert [line.values for line in lines] == [{"id": 1, "full_name": "Eva"}]
        assert message is not None
        assert "byte 23 is 0xFC" in message
    assert refusal(HEADER + b"1,Eva\n2,\0\n").startswith("The file has a NUL character")


def test_a_long_line_is_refused_and_the_others_are_read() -> None:
    lines, message = read(HEADER + b"1,a\n2," + b"x" * 10 * 1024 * 1024 + b"\n3,c\n", size=100_000)
    assert message is None
    assert [line.values for line in lines] == [{"id": 1, "full_name": "a"}, None, {"id": 3, "full_name": "c"}]
    assert lines[1].errors[0].reason == "The line has more than 1,048,576 characters."
    assert len(lines[1].text) == MAX_KEPT


def test_of_a_long_record_that_can_be_read_the_beginning_is_kept_for_repair() -> None:
    lines, _ = read(HEADER + b"1," + b"x" * 100_000)
    assert len(lines[0].values["full_name"]) == 100_000  # type: ignore[index]
    assert len(lines[0].text) == MAX_KEPT


BYTES = st.lists(
    st.sampled_from(
        [b"1", b"12", b"Eva", b"\xc3\xbc", b'"', b'""', b",", b",", b"\n", b"\r\n", b"\r", b"x|y", b"\xfc", b"'="]
    ),
    max_size=40,
).map(b"".join)


@given(BYTES, st.lists(st.integers(0, 100)), st.sampled_from([b"id,full_name,labels.id\n", b"", b'"id"']))
def test_lines_and_faults_are_the_same_in_whatever_pieces_a_file_comes(
    body: bytes, places: list[int], header: bytes
) -> None:
    body = header + body
    cuts = [0, *sorted(places), len(body)]
    reader, message = reader_of(CSV, None, Person), None
    lines: list[Line] = []
    try:
        for begin, end in itertools.pairwise(cuts):
            lines += reader.feed(body[begin:end])
        lines += reader.close()
    except ImportRefused as refused:
        message = refused.message
    assert (lines, message) == read(body)


@given(BYTES, st.sampled_from([b"id,full_name\n", b"", b"id\n"]), st.integers(1, 50))
def test_a_check_finds_what_is_wrong_with_the_file_as_a_whole(body: bytes, header: bytes, size: int) -> None:
    reader, message = reader_of(CSV, None, Person), None
    try:
        for piece in pieces(header + body, size):
            reader.check(piece)
        reader.check_end()
    except ImportRefused as refused:
        message = refused.message
    assert message == read(header + body)[1]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_file_of_too_many_lines_is_refused_when_it_is_checked(end: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_reader, "MAX_LINES", 5)
    reader = reader_of(CSV, None, Person)
    for piece in (b"id,full_name" + end, end, b"1,a" + end, b"x", end * 2):
        reader.check(piece)
    with pytest.raises(ImportRefused, match="more than 5 lines"):
        reader.check(end)


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


@given(st.lists(st.tuples(st.integers(1, 10**18), TEXTS, st.booleans(), st.lists(st.integers(1, 99), min_size=1))))
def test_what_exports_write_can_be_imported(rows: list[tuple[int, str, bool, list[int]]]) -> None:
    body = b"".join(csv_line(row) for row in [("id", "full_name", "is_active", "courses"), *rows])
    assert values(body) == [dict(zip(("id", "full_name", "is_active", "courses"), row, strict=True)) for row in rows]


def test_a_course_is_read_with_all_its_columns() -> None:
    columns = "title,category,delivery_mode,duration_hours,prerequisites,labels.id,labels.name,pass_score"
    body = f"{columns}\nFirst aid,safety,online,7.5,4|5,1,Red,\n".encode()
    assert values(body, fields=CourseFields) == [
        {
            "title": "First aid",
            "category": "safety",
            "delivery_mode": "online",
            "duration_hours": Decimal("7.5"),
            "prerequisites": [4, 5],
            "labels": [{"id": 1, "name": "Red"}],
            "pass_score": None,
        }
    ]


def peak(lines: int, keep: bool = False) -> int:
    """Bytes that reading a file of so many lines needs at most."""
    piece = b"".join(b"%d,%s\n" % (number, b"x" * 50) for number in range(1000))
    kept: list[Line] = []
    tracemalloc.start()
    try:
        reader = reader_of(CSV, None, Person)
        for body in (HEADER, *[piece] * (lines // 1000)):
            for line in reader.feed(body):
                if keep:
                    kept.append(line)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file() -> None:
    peak(1000)
    assert peak(20_000) < 1.5 * peak(4_000)


def test_control_memory_of_lines_that_are_kept_is_noticed() -> None:
    assert peak(20_000, keep=True) > 1.5 * peak(4_000, keep=True)
