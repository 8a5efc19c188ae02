"""Files of lines: what an export sends for the rows of a step (contract, section 1)."""

import json
from collections.abc import Iterator
from typing import Any, Final, Protocol

import jiter
from pydantic import BaseModel

from shared.errors import ApiError
from shared.exports.columns import columns_of
from shared.http.accept import CSV_TYPE, NDJSON_TYPE
from shared.imports.csv_out import csv_line

ROWS_AT_ONCE: Final = 100
"""Made into cells before the process does something else."""


class Format(Protocol):
    """`content_type` is what the answer says of itself, `ending` that of the file's name."""

    content_type: str
    ending: str

    def begin(self) -> bytes:
        """What comes before all rows."""

    def rows(self, lines: str) -> Iterator[bytes]:
        """Of a step's lines, a JSON object each."""

    def error(self, error: ApiError) -> bytes:
        """The last line of a file that is incomplete."""


class Ndjson:
    """A row is a line, as PostgreSQL made it."""

    content_type = NDJSON_TYPE
    ending = "ndjson"

    def begin(self) -> bytes:
        return b""

    def rows(self, lines: str) -> Iterator[bytes]:
        if lines:
            yield f"{lines}\n".encode()

    def error(self, error: ApiError) -> bytes:
        told = {"error": {"code": error.code, "message": error.message}}
        return f"{json.dumps(told, ensure_ascii=False)}\n".encode()


class Csv:
    """RFC 4180, with a header."""

    content_type = f"{CSV_TYPE}; charset=utf-8; header=present"
    ending = "csv"

    def __init__(self, item: type[BaseModel]) -> None:
        self._columns = columns_of(item)

    def begin(self) -> bytes:
        return csv_line([column.name for column in self._columns])

    def rows(self, lines: str) -> Iterator[bytes]:
        for items in parsed(lines):
            yield b"".join([csv_line([column.cell(item) for column in self._columns]) for item in items])

    def error(self, error: ApiError) -> bytes:
        return csv_line(["#error", error.code, error.message])


def parsed(lines: str) -> Iterator[list[dict[str, Any]]]:
    """Some rows after the other; numbers keep their digits."""
    each = lines.split("\n") if lines else []
    for start in range(0, len(each), ROWS_AT_ONCE):
        some = ",".join(each[start : start + ROWS_AT_ONCE])
        yield jiter.from_json(f"[{some}]".encode(), float_mode="decimal")
