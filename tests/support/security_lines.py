"""The lines of the security log, as an operator's collector of logs reads them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest

from shared import security_log
from shared.observability import json_lines
from shared.security_log import SecurityEvent, SecurityLog

Line = dict[str, Any]


class SecurityLines:
    """Everything written since the test began."""

    def __init__(self, stream: StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def all(self) -> list[Line]:
        return [json.loads(line) for line in self.text.splitlines()]

    def of(self, event: SecurityEvent, **fields: Any) -> list[Line]:
        """Those of an event, with these values."""
        return [line for line in self.all if line["event"] == event and fields.items() <= line.items()]

    def one(self, event: SecurityEvent, **fields: Any) -> Line:
        lines = self.of(event, **fields)
        assert len(lines) == 1, self.text
        return lines[0]

    def suppressed(self, event: SecurityEvent) -> int:
        """How many lines of an event are reported as counted alone."""
        told = self.of(SecurityEvent.LINES_SUPPRESSED, suppressed_event=event)
        return sum(line["count"] for line in told)


@contextmanager
def written_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecurityLines]:
    """Everything is written until the end of the block; what tests before it wrote does not count."""
    stream = StringIO()
    handler = json_lines("test", stream)
    monkeypatch.setattr(security_log, "PROCESS_LOG", SecurityLog())
    level = security_log.log.level
    security_log.log.setLevel("INFO")
    security_log.log.addHandler(handler)
    try:
        yield SecurityLines(stream)
    finally:
        security_log.log.removeHandler(handler)
        security_log.log.setLevel(level)
