import pytest

from shared.http.errors import UnsupportedMediaType
from shared.imports.csv_reader import CsvReader
from shared.imports.lines import ImportRefused, Layout
from shared.imports.ndjson_reader import NdjsonReader
from shared.imports.readers import reader_of
from tests.support.imported_files import Person, values


@pytest.mark.parametrize(
    ("content_type", "reader"),
    [
        ("text/csv", CsvReader),
        ("Text/CSV ; Charset = UTF-8 ; header=present;", CsvReader),
        ("application/x-ndjson", NdjsonReader),
        ("application/jsonl; charset=utf-8", NdjsonReader),
        ("application/ndjson", NdjsonReader),
    ],
)
def test_the_media_type_says_which_reader(content_type: str, reader: type[object]) -> None:
    assert isinstance(reader_of(content_type, None, Person), reader)


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/json", "text/csv, text/csv", "multipart/form-data"]
)
def test_no_other_media_type_is_read(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType, match="must be text/csv or application/x-ndjson"):
        reader_of(content_type, None, Person)


def test_the_charset_of_the_header_goes_before_the_other() -> None:
    body = "id,full_name\n1,Müller\n".encode("cp1252")
    expected = [{"id": 1, "full_name": "Müller"}]
    assert values(body, "text/csv; charset=windows-1252", charset="utf-8") == expected
    assert values(body, "text/csv", charset="windows-1252") == expected


@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        ("text/csv; header=absent", "A CSV file needs a header"),
        ("text/csv; charset=klingon", 'The charset "klingon" is not known'),
        ("application/x-ndjson; charset=latin1", "JSON is UTF-8"),
    ],
)
def test_parameters_that_cannot_be_are_refused(content_type: str, message: str) -> None:
    with pytest.raises(ImportRefused, match=message):
        reader_of(content_type, None, Person)


def test_the_layout_of_a_csv_file_is_known_with_its_header() -> None:
    reader = reader_of("text/csv", None, Person)
    list(reader.feed(b"id;full_name"))
    assert reader.layout is None
    list(reader.feed(b";\r\n"))
    assert reader.layout == Layout(("id", "full_name"), ";")
    assert reader_of("application/jsonl", None, Person).layout is None
