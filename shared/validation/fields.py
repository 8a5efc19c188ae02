"""Value types of queries and bodies, stricter than pydantic's own (contract, section 1).

Pydantic accepts `"1_0"`, `true` and `"+7"` as integers, a number as a timestamp, and NUL, which PostgreSQL then rejects
with its own error. The length is checked first, so that no other check reads a text that is too long.
"""

import re
from collections.abc import Container
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from shared.validation.normal_text import normal_text
from shared.validation.text_patterns import FEW_WORDS, ONE_LINE, SEVERAL_FILLED_LINES, SEVERAL_LINES

MAX_ID = 2**63 - 1
MAX_INTEGER = 2**31 - 1
"""PostgreSQL's `integer`."""
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2999
"""Years that a client may write. What lies outside is a mistake, or stands for "never", which is `null`. Besides,
asyncpg stores the first and the last moment of Python's calendar as infinities."""
MAX_SEARCH_WORDS: Final = 8

_DIGITS = re.compile(r"[0-9]{1,19}\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_TIMESTAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-5][0-9])\Z"
)
_MICROSECONDS = len(".123456")
_OUT_OF_RANGE = f"must be in the years {FIRST_YEAR} to {LAST_YEAR}"
_TRUE_OR_FALSE: Final = {"true": True, "false": False}
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Includes the line separators of Unicode."""
_CONTROL_IN_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Allows tabs and line breaks."""
_YEARS_PATTERN: Final = "(?:19|2[0-9])[0-9]{2}"
_DATE_PATTERN: Final = f"^{_YEARS_PATTERN}-[0-9]{{2}}-[0-9]{{2}}$"
_TIMESTAMP_PATTERN: Final = (
    f"^{_YEARS_PATTERN}-[0-9]{{2}}-[0-9]{{2}}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]+)?"
    "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""What JSON Schema can say of them; a pattern of ECMA-262, as the others below."""


def _digits(value: Any) -> int:
    if not isinstance(value, str) or not _DIGITS.match(value):
        raise ValueError("must be a whole number")
    return int(value)


def _true_or_false(value: Any) -> bool:
    if value not in _TRUE_OR_FALSE:
        raise ValueError("must be true or false")
    return _TRUE_OR_FALSE[value]


def _number(value: Any) -> Decimal:
    if type(value) is int:
        return Decimal(value)
    if not isinstance(value, Decimal):
        raise ValueError("must be a number")
    return value


def _date(value: Any) -> date:
    if type(value) is date:  # from a database row: JSON has no such type
        return value
    if not isinstance(value, str) or not _DATE.match(value):
        raise ValueError("must be a date: YYYY-MM-DD")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("is not a valid date") from None
    _check_year(day)
    return day


def _timestamp(value: Any) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:  # from a database row: JSON has no such type
        return value.astimezone(UTC)
    written = _TIMESTAMP.match(value) if isinstance(value, str) else None
    if written is None:
        raise ValueError("must be an RFC 3339 timestamp with an offset, like 2026-05-15T09:00:00Z")
    day, time, decimals, offset = written.groups(default="")
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{decimals[:_MICROSECONDS]}{offset.upper()}")
    except ValueError:
        raise ValueError("is not a valid date-time") from None
    return _in_utc(moment)


def _in_utc(moment: datetime) -> datetime:
    try:
        in_utc = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(_OUT_OF_RANGE) from None
    _check_year(in_utc)
    return in_utc


def _check_year(day: date) -> None:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(_OUT_OF_RANGE)


def _few_words(value: str) -> str:
    if len(value.split()) > MAX_SEARCH_WORDS:
        raise ValueError(f"must have at most {MAX_SEARCH_WORDS} words")
    return value


def storable(value: str) -> str:
    if _UNSTORABLE.search(value):
        raise ValueError("must not contain NUL or lone surrogates")
    return value


def one_line(value: str, info: ValidationInfo) -> str:
    if _CONTROL.search(value) and not is_stored(value, info):
        raise ValueError("must be one line without control characters")
    return storable(value)


def several_lines(value: str, info: ValidationInfo) -> str:
    if _CONTROL_IN_LINES.search(value) and not is_stored(value, info):
        raise ValueError("must not contain control characters other than tabs and line breaks")
    return storable(value)


def is_stored(value: str, info: ValidationInfo) -> bool:
    """Whether an earlier version accepted and stored this text; the validation context lists such texts (`STORED`)."""
    stored: Container[str] = info.context or ()
    return value in stored


def _normal(longest: int) -> AfterValidator:
    """A text's one form, which may have more characters than it was written with."""

    def read(value: str, info: ValidationInfo) -> str:
        if is_stored(value, info):
            return value
        text = normal_text(value)
        if len(text) > longest:
            raise ValueError(f"must have at most {longest} characters in Unicode's normal form C")
        return text

    return AfterValidator(read)


def _filled(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


class _AnyText(Container[str]):
    def __contains__(self, _: object) -> bool:
        return True


STORED: Final = _AnyText()
"""Validation context for rows read from the database, which may contain any text."""


class _JsonNumber:
    """Reads a number of JSON as a `Decimal`, and says so: pydantic's own schema of a `Decimal` allows texts.

    It stands behind the bounds, which are then those of the number.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_number, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        decimal: Any = schema
        while decimal["type"] != "decimal":
            decimal = decimal["schema"]
        number: JsonSchemaValue = next(choice for choice in handler(decimal)["anyOf"] if choice["type"] == "number")
        places, digits = decimal.get("decimal_places"), decimal.get("max_digits")
        if places is not None:
            number["multipleOf"] = float(Decimal(1).scaleb(-places))
        if digits is not None:
            number["exclusiveMaximum"] = 10 ** (digits - (places or 0))
        return number


def _text(pattern: str) -> Any:
    return Field(json_schema_extra={"pattern": pattern})


NUMBER: Final = _JsonNumber()
DIGITS: Final = BeforeValidator(_digits)
"""Whole numbers of a query, which are texts. It stands behind the bounds: those behind it are in no JSON Schema."""

Id = Annotated[int, Field(strict=True, ge=1, le=MAX_ID, json_schema_extra={"format": "int64"})]
"""A positive 64-bit integer in a body."""
Count = Annotated[int, Field(strict=True)]
"""A field of this type sets bounds that its column can hold."""
Version = Annotated[int, Field(strict=True, ge=1, le=MAX_INTEGER)]
Number = Annotated[Decimal, NUMBER]
"""One with bounds has them before `NUMBER`."""
Timestamp = Annotated[datetime, BeforeValidator(_timestamp), _text(_TIMESTAMP_PATTERN)]
"""RFC 3339 with an offset, read as UTC; decimals beyond microseconds are cut off."""
Name = Annotated[
    str, Field(max_length=255), _normal(255), AfterValidator(one_line), AfterValidator(_filled), _text(ONE_LINE)
]
"""One line, in the form of `shared.validation.normal_text`."""
LongText = Annotated[
    str, Field(max_length=10_000), _normal(10_000), AfterValidator(several_lines), _text(SEVERAL_LINES)
]
Reason = Annotated[
    str,
    Field(max_length=500),
    _normal(500),
    AfterValidator(several_lines),
    AfterValidator(_filled),
    _text(SEVERAL_FILLED_LINES),
]
Search = Annotated[str, Field(max_length=255), AfterValidator(storable), AfterValidator(_few_words), _text(FEW_WORDS)]
"""Words that a text could contain; it is not stored."""

QueryId = Annotated[int, Field(ge=1, le=MAX_ID, json_schema_extra={"format": "int64"}), DIGITS]
QueryCount = Annotated[int, DIGITS]
"""One with bounds has them before `DIGITS`."""
QueryFlag = Annotated[bool, BeforeValidator(_true_or_false)]
QueryYear = Annotated[int, Field(ge=FIRST_YEAR, le=LAST_YEAR), DIGITS]
Day = Annotated[date, BeforeValidator(_date), _text(_DATE_PATTERN)]
"""`YYYY-MM-DD`, in a body."""
QueryDate = Day
