"""In which media type a list is wanted (RFC 9110, section 12.5.1)."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from shared.http.accept import CSV_TYPE, NDJSON_TYPE, XLSX_TYPE, export_type


def accepting(*values: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict([("Accept", value) for value in values]))


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/csv", CSV_TYPE),
        ("Text/CSV; header=present", CSV_TYPE),
        ("application/x-ndjson", NDJSON_TYPE),
        (XLSX_TYPE, XLSX_TYPE),
        ("text/csv, application/x-ndjson", CSV_TYPE),
        ("application/x-ndjson, text/csv", CSV_TYPE),
        ("text/csv;q=0.5, application/x-ndjson;q=0.6", NDJSON_TYPE),
        ("text/csv, application/json", None),
        ("application/json, text/csv, application/x-ndjson", None),
        ("application/json;q=0.9, text/csv, application/x-ndjson", CSV_TYPE),
        ("text/csv, */*", CSV_TYPE),
        ("text/csv;q=0.9, */*;q=0.8", CSV_TYPE),
        ("text/csv;q=0.5, application/json;q=0.4, */*", CSV_TYPE),
        ("text/csv;q=0.5, application/json;q=0.6", None),
        ("text/csv;q=0.5, */*", None),
        ("text/csv;q=0", None),
        ("text/csv;q=x", None),
        ("text/*", None),
        ("*/*", None),
        ("text/csvx", None),
        ("application/json", None),
        ('text/html;x="text/csv"', None),
        ("", None),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", None),
        ("," * 500 + "text/csv", CSV_TYPE),
    ],
)
def test_the_type_that_is_named_and_liked_best(accept: str, wanted: str | None) -> None:
    assert export_type(accepting(accept)) == wanted


def test_who_says_nothing_wants_none() -> None:
    assert export_type(accepting()) is None


def test_several_headers_are_one_list() -> None:
    assert export_type(accepting("application/json;q=0.5", "text/csv")) == CSV_TYPE


def test_a_type_that_is_not_offered_is_not_given() -> None:
    assert export_type(accepting(f"{XLSX_TYPE}, text/csv;q=0.1"), (CSV_TYPE, NDJSON_TYPE)) == CSV_TYPE
    assert export_type(accepting(XLSX_TYPE), (CSV_TYPE, NDJSON_TYPE)) is None
