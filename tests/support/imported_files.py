"""Files for imports, and what their readers make of them."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from shared.http.models import Body, IdAndName
from shared.imports.lines import ImportRefused, Line
from shared.imports.readers import reader_of
from shared.validation.fields import Id, Name, Number

CSV = "text/csv"
NDJSON = "application/x-ndjson"


class Person(Body):
    """A line with a field of each type that cells can have."""

    id: Id
    full_name: Name
    type: Literal["employee", "staff"] = "employee"
    company: IdAndName | None = None
    rate: Number | None = None
    is_active: bool = True
    courses: list[Id] = Field(default_factory=list)
    labels: list[IdAndName] = Field(default_factory=list)


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    for place in range(0, len(body), size):
        yield body[place : place + size]


def read(
    body: bytes,
    content_type: str = CSV,
    fields: type[Body] = Person,
    size: int = 256 * 1024,
    charset: str | None = None,
) -> tuple[list[Line], str | None]:
    """The lines of a file that comes in pieces of this size, and the message with which it is refused, if it is."""
    reader = reader_of(content_type, charset, fields)
    lines: list[Line] = []
    try:
        for piece in pieces(body, size):
            lines += reader.feed(piece)
        lines += reader.close()
    except ImportRefused as refused:
        return lines, refused.message
    return lines, None


def values(body: bytes, content_type: str = CSV, **options: Any) -> list[Any]:
    """Those of a file without faults."""
    lines, refusal = read(body, content_type, **options)
    assert refusal is None, refusal
    assert [line.errors for line in lines] == [()] * len(lines)
    return [line.values for line in lines]


def refusal(body: bytes, content_type: str = CSV, **options: Any) -> str:
    """Why a file is refused."""
    _, message = read(body, content_type, **options)
    assert message is not None
    return message


def errors(body: bytes, content_type: str = CSV, **options: Any) -> list[tuple[int, str | None, str]]:
    """Line, field and reason of each error of a file that is not refused as a whole."""
    lines, message = read(body, content_type, **options)
    assert message is None
    return [(line.number, error.field, error.reason) for line in lines for error in line.errors]
