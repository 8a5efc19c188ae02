"""The types of fields say in JSON Schema what they take: the same values, and none of pydantic's own keywords."""

import json
from decimal import Decimal
from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from documents.keywords import check_keywords
from documents.writing import DocumentError
from services.accounts.schemas import Email
from services.catalog.schemas import Hours, Money, Score
from shared.http.pagination import Page, PerPage
from shared.validation.fields import (
    Id,
    LongText,
    Name,
    Number,
    QueryCount,
    QueryDate,
    QueryId,
    QueryYear,
    Reason,
    Search,
    Timestamp,
    Version,
)
from shared.validation.https_url import HttpsUrl
from shared.validation.time_zones import TimeZone

TYPES = {
    "Email": Email, "Hours": Hours, "HttpsUrl": HttpsUrl, "Id": Id, "LongText": LongText, "Money": Money, "Name": Name,
    "Number": Number, "Page": Page, "PerPage": PerPage, "QueryCount": QueryCount, "QueryDate": QueryDate,
    "QueryId": QueryId, "QueryYear": QueryYear, "Reason": Reason, "Score": Score, "Search": Search,
    "TimeZone": TimeZone, "Timestamp": Timestamp, "Version": Version,
}  # fmt: skip
TEXTS = ["", " ", "a", " a ", "a\tb", "a\nb", "a\x00b", "a\x7f", "a\u2028b", "é", "a" * 255, "a" * 256, "a\u202eb"]
NUMBERS = [
    "0",
    "0.01",
    "0.001",
    "1",
    "-1",
    "100",
    "100.01",
    "9999999999.99",
    "10000000000",
    "10000",
    "10001",
    '"1"',
    "true",
]
MOMENTS = [
    "2026-05-15T09:00:00Z", "2026-05-15t09:00:00.1234567z", "2026-05-15T09:00:00+10:30", "2026-05-15T09:00:00",
    "2026-05-15", "2026-05-15 09:00:00Z", "2026-05-15T24:00:00Z", "2026-05-15T09:60:00Z", "2026-05-15T09:00:60Z",
    "1899-01-01T00:00:00Z", "3000-01-02T00:00:00Z", "1778835600", "",
]  # fmt: skip
DAYS = ["2026-05-15", "2026-5-15", "1899-12-31", "3000-01-01", "20260515", "2026-05-15T00:00:00Z", ""]


def schema_of(name: str) -> Any:
    return TypeAdapter(TYPES[name]).json_schema()


def by_schema(name: str, value: Any) -> bool:
    return bool(Draft202012Validator(schema_of(name)).is_valid(value))


def by_type(name: str, value: Any) -> bool:
    try:
        TypeAdapter(TYPES[name]).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", TYPES)
def test_a_type_has_keywords_of_json_schema_alone(name: str) -> None:
    check_keywords({"components": {"schemas": {name: schema_of(name)}}})


@pytest.mark.parametrize("value", TEXTS)
@pytest.mark.parametrize("name", ["Name", "LongText", "Reason"])
def test_a_text_is_taken_as_its_schema_says(name: str, value: str) -> None:
    assert by_schema(name, value) == by_type(name, value)


@pytest.mark.parametrize("words", range(7, 11))
def test_so_many_words_are_taken_as_the_schema_says(words: int) -> None:
    for text in (" ".join("a" * words), "  " + "\t".join("a" * words) + " ", "a" * words + "\x00"):
        assert by_schema("Search", text) == by_type("Search", text)


@pytest.mark.parametrize("text", NUMBERS)
@pytest.mark.parametrize("name", ["Hours", "Money", "Score", "Number"])
def test_a_number_is_taken_as_its_schema_says(name: str, text: str) -> None:
    """As the reader of bodies hands it on; the schema is asked about the number that a client has."""
    read = json.loads(text, parse_float=Decimal)
    assert by_schema(name, json.loads(text)) == by_type(name, read)


@pytest.mark.parametrize("value", MOMENTS)
def test_a_moment_is_taken_as_its_schema_says(value: str) -> None:
    assert by_schema("Timestamp", value) == by_type("Timestamp", value)


@pytest.mark.parametrize("value", DAYS)
def test_a_day_is_taken_as_its_schema_says(value: str) -> None:
    assert by_schema("QueryDate", value) == by_type("QueryDate", value)


@pytest.mark.parametrize(
    ("name", "least", "most"), [("QueryId", 1, 2**63 - 1), ("QueryYear", 1900, 2999), ("PerPage", 1, 100)]
)
def test_a_number_of_a_query_has_its_bounds(name: str, least: int, most: int) -> None:
    """A query has texts, of which a schema says what they stand for."""
    for number in (least - 1, least, most, most + 1):
        assert by_schema(name, number) == by_type(name, str(number)) == (least <= number <= most)


def test_control_a_bound_behind_its_reader_is_no_keyword() -> None:
    late = TypeAdapter(Annotated[int, BeforeValidator(int), Field(ge=1)]).json_schema()
    with pytest.raises(DocumentError, match="schemas/late/ge"):
        check_keywords({"components": {"schemas": {"late": late}}})
