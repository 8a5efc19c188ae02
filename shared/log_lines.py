"""The form of a log line: JSON, and in its tracebacks no values.

What a database or a validator says about a value quotes it: a row that breaks a constraint is shown whole, and with it
whoever it is about. A line keeps what was wrong, and where.
"""

import re
from collections.abc import Iterator
from types import TracebackType
from typing import Final

from pythonjsonlogger.json import JsonFormatter

WITHHELD: Final = "…"
_ABOUT_VALUES: Final = ("22", "23")
"""PostgreSQL's classes of errors about data and constraints: their details are rows."""
_QUOTED: Final = (
    (re.compile(r"(invalid input for query argument \$\d+): .*"), rf"\1: {WITHHELD}"),
    (re.compile(r"(invalid input (?:syntax|value) for [a-z_ ]+): .*"), rf"\1: {WITHHELD}"),
    (re.compile(r"input_value=.*, input_type="), f"input_value={WITHHELD}, input_type="),
)
"""Of asyncpg, of PostgreSQL, and of pydantic."""
_SHORTEST: Final = 3
"""A line with less says nothing, and may be a part of anything."""
_MOST_ERRORS: Final = 100
"""Causes that are looked at."""

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class LineFormatter(JsonFormatter):
    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging's name
        return without_values(str(super().formatException(ei)), ei[1])


def without_values(text: str, error: BaseException | None) -> str:
    """A traceback of this error as it may be logged."""
    for each in _with_causes(error):
        for line in _rows_in(each):
            text = text.replace(line, WITHHELD)
    for quoted, replacement in _QUOTED:
        text = quoted.sub(replacement, text)
    return text


def _rows_in(error: BaseException) -> list[str]:
    """The lines of its detail: those of one in a group are indented each."""
    detail = getattr(error, "detail", None)
    if not isinstance(detail, str) or str(getattr(error, "sqlstate", ""))[:2] not in _ABOUT_VALUES:
        return []
    return sorted((line for line in detail.splitlines() if len(line) >= _SHORTEST), key=len, reverse=True)


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < _MOST_ERRORS:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
