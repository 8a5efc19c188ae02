"""Lines of JSON, one object each (NDJSON, JSON Lines): contract, section 11."""

import re
from collections.abc import Iterator
from typing import Any, Final

from shared.errors import MalformedJson, TooManyValues
from shared.imports.csv_records import TOO_LONG
from shared.imports.decoding import Decoder
from shared.imports.lines import MAX_KEPT, MAX_RECORD, Line, LineError
from shared.imports.text_reader import TextReader
from shared.validation.strict_json import parse_json

_PLACE: Final = re.compile(r" at line 1 column (\d+)")
_BLANKS: Final = " \t\r\n"


class NdjsonReader(TextReader):
    """Each line is read as strictly as the body of a request. Blank lines are skipped."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__(decoder)
        self._number = 0

    def _begin(self, lines: Iterator[str]) -> None:
        self._has_begun = any(line.strip(_BLANKS) for line in lines)

    def _read(self, lines: Iterator[str]) -> Iterator[Line]:
        for line in lines:
            self._number += 1
            text = line.strip(_BLANKS)
            if text:
                self._has_begun = True
                yield _line(self._number, text)


def _line(number: int, text: str) -> Line:
    value, reason = (None, TOO_LONG) if len(text) > MAX_RECORD else _object(text)
    errors = () if reason is None else (LineError(None, reason),)
    return Line(number, value, text[:MAX_KEPT], errors)


def _object(text: str) -> tuple[dict[str, Any] | None, str | None]:
    """The object of a line, or why it is none."""
    try:
        value = parse_json(text.encode())
    except (MalformedJson, TooManyValues) as error:
        reason = error.message.removesuffix(" Send it in several requests.").replace("The body", "The line", 1)
        return None, _PLACE.sub(r" at column \1", reason)
    if not isinstance(value, dict):
        return None, "The line is not a JSON object."
    return value, None
