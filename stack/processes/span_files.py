"""Spans as the processes of the stack write them: lines of OTLP's JSON, a file for each process."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REQUEST_ID = "muster.request_id"
METHOD = "http.request.method"
GATEWAY = "gateway"


@dataclass(frozen=True)
class Span:
    """Times are nanoseconds since the epoch; `linked` are other spans' ids."""

    process: str
    trace_id: str
    span_id: str
    parent: str
    name: str
    began: int
    ended: int
    attributes: Mapping[str, str]
    linked: tuple[str, ...]
    error: str | None

    @property
    def request_id(self) -> str:
        return self.attributes.get(REQUEST_ID, "")

    @property
    def is_request_of_gateway(self) -> bool:
        """Whether it is all of a request, as its client sees it."""
        return self.process == GATEWAY and METHOD in self.attributes


@dataclass(frozen=True)
class Placed:
    """A span in the tree of another; `guides` are drawn in front of its name."""

    span: Span
    guides: str


def read_spans(directory: Path) -> list[Span]:
    """All that are there, in the order of their beginnings. A line that cannot be read is left out: the last one of a
    process that was killed."""
    files = sorted([*directory.glob("*.jsonl.1"), *directory.glob("*.jsonl")])
    return sorted((span for file in files for span in _spans(file)), key=lambda span: span.began)


def tree(root: Span, spans: Iterable[Span]) -> list[Placed]:
    """The root and what it caused, each below its cause."""
    below: dict[str, list[Span]] = {}
    for span in spans:
        if span.trace_id == root.trace_id:
            below.setdefault(span.parent, []).append(span)
    return list(_placed(root, below, "", ""))


def _placed(span: Span, below: Mapping[str, list[Span]], guides: str, continued: str) -> Iterator[Placed]:
    yield Placed(span, guides)
    children = below.get(span.span_id, [])
    for child in children:
        last = child is children[-1]
        yield from _placed(child, below, continued + ("└─ " if last else "├─ "), continued + ("   " if last else "│  "))


def _spans(file: Path) -> Iterator[Span]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:  # rotated meanwhile
        return
    for line in lines:
        try:
            resources = json.loads(line)["resourceSpans"]
            yield from [span for resource in resources for span in _of_resource(resource)]
        except (ValueError, LookupError, TypeError):
            continue


def _of_resource(resource: Any) -> Iterator[Span]:
    process = _attributes(resource["resource"])["service.name"]
    for scope in resource["scopeSpans"]:
        for span in scope["spans"]:
            yield _span(process, span)


def _span(process: str, span: Any) -> Span:
    failed = span["status"].get("code") == 2  # STATUS_CODE_ERROR
    return Span(
        process=process,
        trace_id=span["traceId"],
        span_id=span["spanId"],
        parent=span.get("parentSpanId", ""),
        name=span["name"],
        began=int(span["startTimeUnixNano"]),
        ended=int(span["endTimeUnixNano"]),
        attributes=_attributes(span),
        linked=tuple(link["spanId"] for link in span.get("links", [])),
        error=span["status"].get("message", "") if failed else None,
    )


def _attributes(holder: Any) -> dict[str, str]:
    return {each["key"]: str(next(iter(each["value"].values()))) for each in holder["attributes"]}
