"""Spans as lines of OTLP's JSON in a file, as the local stack keeps them (opentelemetry-proto, "JSON Protobuf
Encoding")."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext

MOST_BYTES: Final = 8 * 1024 * 1024
"""Of one file; the file before it is kept beside it, as NAME.1."""


class SpanFile(SpanExporter):
    """A line for each batch. Nobody but the owner may read it."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        self._path = path
        self._most_bytes = most_bytes

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        line = json.dumps(_traces_data(spans), separators=(",", ":")) + "\n"
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._path.exists() and self._path.stat().st_size + len(line) > self._most_bytes:
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        self._path.touch(mode=0o600)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)
        return SpanExportResult.SUCCESS


def _traces_data(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    scope = {"scope": {"name": "muster"}, "spans": [_span(span) for span in spans]}
    return {"resourceSpans": [{"resource": _attributes(spans[0].resource.attributes), "scopeSpans": [scope]}]}


def _span(span: ReadableSpan) -> dict[str, Any]:
    written: dict[str, Any] = {
        **_ids(span.context),
        "name": span.name,
        "kind": span.kind.value + 1,
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        **_attributes(span.attributes or {}),
        "status": {} if span.status.is_unset else {"code": 2, "message": span.status.description or ""},
    }
    if span.parent is not None:
        written["parentSpanId"] = f"{span.parent.span_id:016x}"
    if span.links:
        written["links"] = [_link(link) for link in span.links]
    return written


def _link(link: Link) -> dict[str, str]:
    return _ids(link.context)


def _ids(context: SpanContext) -> dict[str, str]:
    ids = {"traceId": f"{context.trace_id:032x}", "spanId": f"{context.span_id:016x}"}
    state = context.trace_state.to_header()
    return {**ids, "traceState": state} if state else ids


def _attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {"attributes": [{"key": key, "value": _value(value)} for key, value in attributes.items()]}


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": str(value)}
