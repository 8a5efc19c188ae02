"""Lines of the stack's logs: parsed, and written for people."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

SHOWN_ELSEWHERE = frozenset({"time", "level", "logger", "message", "process", "request_id", "traceparent", "exc_info"})
OWN_MODULES = ("gateway", "services.", "shared.")
"""Loggers whose name says no more than the message does."""
_TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?)(?: UTC|(Z|[+-]\d\d:\d\d))? ?")


@dataclass(frozen=True)
class LogLine:
    """One line of a log."""

    source: str
    """The log it is in."""
    raw: str
    time: datetime | None
    """None: the line tells none."""
    level: str
    text: str
    fields: dict[str, Any] = field(default_factory=dict)
    request_id: str | None = None
    traceback: str = ""


def parse(source: str, raw: str) -> LogLine:
    """A line of JSON as the gateway and the services write it, or any other text."""
    try:
        content = json.loads(raw)
    except ValueError:
        content = None
    return _parse_text(source, raw) if not isinstance(content, dict) else _parse_json(source, raw, content)


def _parse_json(source: str, raw: str, content: dict[str, Any]) -> LogLine:
    logger = str(content.get("logger", ""))
    fields = {name: value for name, value in content.items() if name not in SHOWN_ELSEWHERE}
    if logger and not logger.startswith(OWN_MODULES):
        fields = {"logger": logger, **fields}
    return LogLine(
        source,
        raw,
        parse_time(str(content.get("time", ""))),
        str(content.get("level", "")),
        str(content.get("message", "")),
        fields,
        content.get("request_id"),
        str(content.get("exc_info") or ""),
    )


def _parse_text(source: str, raw: str) -> LogLine:
    time = parse_time(raw)
    match = _TIME.match(raw) if time else None
    return LogLine(source, raw, time, "", raw[match.end() :] if match else raw)


def parse_time(text: str) -> datetime | None:
    """The time that a text begins with, in UTC unless it names another offset; None when it begins with none."""
    match = _TIME.match(text)
    if not match:
        return None
    try:
        time = datetime.fromisoformat(match[1].replace(",", ".") + (match[2] or ""))
    except ValueError:
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def render(line: LogLine) -> str:
    """Time (UTC), level, log, message, fields and request id; a traceback below. Control characters are escaped."""
    time = f"{line.time:%Y-%m-%d %H:%M:%S}.{line.time.microsecond // 1000:03d}" if line.time else " " * 23
    head = f"{time} {_escaped(line.level):<8} {line.source:<10}"
    parts = [head, _escaped(line.text), *_fields(line)]
    below = [f"    {_escaped(text)}" for text in line.traceback.splitlines()]
    return "\n".join([" ".join(part for part in parts if part), *below])


def _fields(line: LogLine) -> Iterator[str]:
    fields = line.fields if line.request_id is None else {**line.fields, "request_id": line.request_id}
    for name, value in fields.items():
        if value is not None:
            yield f"{_escaped(name)}={_escaped(_field_value(value))}"


def _field_value(value: Any) -> str:
    if isinstance(value, str) and value and not any(sign in value for sign in ' "='):
        return value
    return json.dumps(value, ensure_ascii=False)


def _escaped(text: str) -> str:
    """What a client sent must not move the cursor or change the colours of the terminal."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
