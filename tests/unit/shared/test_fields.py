from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.http.models import Body, IdAndName, Query
from shared.validation.fields import (
    MAX_ID,
    Count,
    Id,
    LongText,
    Name,
    Number,
    QueryCount,
    QueryDate,
    QueryId,
    QueryYear,
    Timestamp,
)

FIRST = datetime(1900, 1, 1, tzinfo=UTC)
LAST = datetime(2999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def read(kind: Any, value: Any) -> Any:
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Id, 1, 1),
        (Id, MAX_ID, MAX_ID),
        (Count, -3, -3),
        (Number, 82, Decimal(82)),
        (Number, Decimal("0.50"), Decimal("0.50")),
        (QueryId, "1", 1),
        (QueryId, str(MAX_ID), MAX_ID),
        (QueryCount, "007", 7),
        (QueryDate, "2028-02-29", date(2028, 2, 29)),
        (LongText, "", ""),
        (LongText, " naïve\r\n\t中\n", "naïve\r\n\t中"),
        (Name, "x" * 255, "x" * 255),
        (Timestamp, "2026-05-15T09:00:00Z", datetime(2026, 5, 15, 9, tzinfo=UTC)),
        (Timestamp, "2026-05-15t09:00:00.25z", datetime(2026, 5, 15, 9, 0, 0, 250_000, tzinfo=UTC)),
        (Timestamp, "2026-05-15T09:00:00+10:30", datetime(2026, 5, 14, 22, 30, tzinfo=UTC)),
        (Timestamp, "2026-05-15T09:00:00-23:59", datetime(2026, 5, 16, 8, 59, tzinfo=UTC)),
        (Timestamp, "2026-05-15T09:00:00-00:00", datetime(2026, 5, 15, 9, tzinfo=UTC)),
        (Timestamp, "2026-05-15T09:00:00.1234567+00:00", datetime(2026, 5, 15, 9, 0, 0, 123_456, tzinfo=UTC)),
        (Timestamp, "2026-05-15T09:00:00.123456999Z", datetime(2026, 5, 15, 9, 0, 0, 123_456, tzinfo=UTC)),
        (Timestamp, "2026-05-15T09:00:00." + "9" * 100_000 + "Z", datetime(2026, 5, 15, 9, 0, 0, 999_999, tzinfo=UTC)),
        (Timestamp, "1900-01-01T00:00:00Z", FIRST),
        (Timestamp, "1899-12-31T23:30:00-00:30", FIRST),
        (Timestamp, "2999-12-31T23:59:59.9999999Z", LAST),
        (Timestamp, "3000-01-01T00:59:59.999999+01:00", LAST),
        (QueryDate, "1900-01-01", date(1900, 1, 1)),
        (QueryDate, "2999-12-31", date(2999, 12, 31)),
        (QueryYear, "1900", 1900),
        (QueryYear, "2999", 2999),
    ],
)
def test_a_good_value_is_read(kind: Any, value: Any, expected: Any) -> None:
    assert read(kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Id, [0, -1, MAX_ID + 1, True, "1", 1.0, Decimal(1), None, [1]]),
        (Count, [True, "1", Decimal(1), None]),
        (Number, [True, "1", None, [], 1.5]),
        (QueryId, ["0", "-1", "+7", "1_0", " 1", "1 ", "1\n", "1.0", "", "１", str(MAX_ID + 1), "9" * 20, 1]),
        (QueryCount, ["-1", "1_0", "1e3", "", "0x1"]),
        (QueryYear, ["1899", "3000", "0", "20O6"]),
        (QueryDate, ["0001-01-01", "1899-12-31", "3000-01-01", "9999-12-31"]),
        (QueryDate, ["2027-02-29", "2026-13-01", "20260515", "2026-05-15T00:00:00Z", "0000-01-01", "2026-5-1", ""]),
        (LongText, ["a\x00b", "\ud800", 1, None]),
        (Name, ["", " \t\n", "x" * 256, "a\x00"]),
        (
            Timestamp,
            [
                "2026-05-15T09:00:00",
                "2026-05-15",
                "2026-05-15 09:00:00Z",
                "2026-05-15T25:00:00Z",
                "2026-02-30T09:00:00Z",
                "2026-05-15T09:00:00+25:00",
                "2026-05-15T09:00:00+24:00",
                "2026-05-15T09:00:00+01:60",
                "2026-05-15T09:00:00.Z",
                "2026-05-15T09:00:00.١Z",
                "2026-05-15T09:00:60Z",
                "2026-05-15T24:00:00Z",
                "0000-01-01T00:00:00Z",
                "0001-01-01T00:00:00Z",
                "0001-01-01T00:00:00+10:00",
                "1899-12-31T23:59:59.999999Z",
                "1900-01-01T00:00:00+00:01",
                "2999-12-31T23:59:00-00:01",
                "3000-01-01T00:00:00Z",
                "9999-12-31T23:59:59.999999Z",
                "9999-12-31T23:59:59-10:00",
                1_778_835_600,
                datetime(2026, 5, 15, 9),
            ],
        ),
    ],
)
def test_a_bad_value_is_refused(kind: Any, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ValidationError):
            read(kind, value)


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.binary())
@pytest.mark.parametrize("kind", [Id, Count, Number, QueryId, QueryCount, QueryDate, LongText, Name, Timestamp])
def test_no_value_makes_another_error_than_the_model_s(kind: Any, value: Any) -> None:
    try:
        read(kind, value)
    except ValidationError:
        return


@given(st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(2999, 12, 30), timezones=st.timezones()))
def test_any_moment_is_read_back_as_the_same_moment(moment: datetime) -> None:
    offset = moment.utcoffset()
    assert offset is not None
    written = moment.isoformat()
    if offset.total_seconds() % 60:
        return  # RFC 3339 has no offsets with seconds
    assert read(Timestamp, written) == moment.astimezone(UTC)


@pytest.mark.parametrize("moment", [datetime.min, datetime.max])
def test_a_moment_of_a_stored_row_is_read_whatever_its_year(moment: datetime) -> None:
    assert read(Timestamp, moment.replace(tzinfo=UTC)) == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize("model", [Query, Body])
def test_a_misspelled_field_is_refused(model: type[Query] | type[Body]) -> None:
    with pytest.raises(ValidationError) as raised:
        model.model_validate({"statsu": "enrolled"})
    assert raised.value.errors()[0]["loc"] == ("statsu",)
    assert raised.value.errors()[0]["type"] == "extra_forbidden"


def test_an_id_of_another_type_is_refused_in_a_nested_body() -> None:
    with pytest.raises(ValidationError):
        IdAndName.model_validate({"id": "7", "name": "Metro"})
