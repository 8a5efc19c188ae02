from typing import Any

from services.catalog.schemas import SessionFields
from shared.http.models import Body
from shared.imports.checked import validated
from shared.imports.lines import Line
from tests.support.imported_files import CSV, NDJSON, Person, read

REQUIRED = "This field is required."


def checked(body: bytes, content_type: str = CSV, fields: type[Body] = Person) -> list[Any]:
    """The instance that each line makes, or its errors as pairs."""
    lines, message = read(body, content_type, fields)
    assert message is None
    made = [validated(line, fields) for line in lines]
    return [{(e.field, e.reason) for e in each.errors} if isinstance(each, Line) else each for each in made]


def test_a_line_makes_an_instance_of_its_model() -> None:
    expected = [Person(id=1, full_name="Eva", company=None)]
    assert checked(b"id,full_name,company.id,company.name\n1,Eva,,\n") == expected
    assert checked(b'{"id": 1, "full_name": "Eva", "company": null}', NDJSON) == expected


def test_errors_are_those_of_a_request_by_dotted_field() -> None:
    [from_csv] = checked(b"id,full_name,company.id,company.name,type\n0,,7,,nobody\n")
    [from_json] = checked(b'{"id": 0, "company": {"id": 7}, "type": "nobody"}', NDJSON)
    assert (
        from_csv
        == from_json
        == {
            ("id", "Input should be greater than or equal to 1."),
            ("full_name", REQUIRED),
            ("company.name", REQUIRED),
            ("type", "Input should be 'employee' or 'staff'."),
        }
    )


def test_members_that_nobody_knows_are_named() -> None:
    assert checked(b'{"id": 1, "full_name": "Eva", "company": {"id": 1, "name": "A", "x": 1}, "y": 2}', NDJSON) == [
        {("company.x", "Unknown field."), ("y", "Unknown field.")}
    ]


def test_an_error_of_the_whole_line_has_no_field() -> None:
    assert checked(b"[1]", NDJSON) == [{(None, "The line is not a JSON object.")}]


def test_cells_that_cannot_be_read_do_not_hide_other_errors() -> None:
    body = b"id,full_name,company.id,company.name,labels.id,labels.name,rate\nx,,y,ACME,1|2,a,1\n"
    assert checked(body) == [
        {
            ("id", "Must be a whole number."),
            ("full_name", REQUIRED),
            ("company.id", "Must be a whole number."),
            ("labels", "Must have as many items in each of its columns: id, name."),
        }
    ]
    assert checked(b"id,full_name\nx,Eva\n") == [{("id", "Must be a whole number.")}]


def test_a_line_that_could_only_be_read_in_part_has_that_error_alone() -> None:
    assert checked(b'id,full_name,rate\n1,"Eva,2\n') == [{(None, "A quote is opened and never closed.")}]


def test_a_refused_line_keeps_its_values() -> None:
    [line] = read(b"id,full_name\n5,\n")[0]
    refused = validated(line, Person)
    assert isinstance(refused, Line)
    assert refused.values == {"id": 5}
    assert refused.text == "5,"


def test_what_the_model_says_of_several_fields_refuses_the_line() -> None:
    header = b"course_id,session_name,max_participants,start_date,end_date\n"
    assert checked(header + b"1,A,5,2026-01-02T09:00:00Z,2026-01-01T09:00:00Z\n", fields=SessionFields) == [
        {("end_date", "Must be after the start.")}
    ]
