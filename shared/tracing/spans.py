"""Spans: what happened in a trace, from when to when, and because of what (decision 39).

A span is made when what it is about has ended, with the ids that were passed on meanwhile. So what is not sampled costs
a look at a flag, and a request that turns out to have failed can have its span afterwards.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextvars import Token
from types import TracebackType
from typing import ClassVar, Final, Self

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    set_span_in_context,
)

from shared.observability import Trace, current_trace

MOST_LINKS: Final = 32
"""Of a span of a batch, to the other sampled parents of the batch."""
REQUEST_ID: Final = "muster.request_id"
PROCESS: Final = "muster.process"
Value = str | int | float | bool


class Ids:
    """The ids of the span that is made next."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id

    def is_trace_id_random(self) -> bool:
        return False


class Tracing:
    """Where the spans of this process go; nowhere, unless `shared.tracing.exporting` has been asked to send them."""

    tracer: ClassVar[Tracer | None] = None
    ids: ClassVar[Ids] = Ids()


def is_traced(trace: Trace) -> bool:
    """Whether spans are made of it in this process."""
    return Tracing.tracer is not None and trace.is_sampled


def now() -> int:
    """Nanoseconds since the epoch."""
    return time.time_ns()


def record(
    trace: Trace,
    parent: str,
    name: str,
    kind: SpanKind,
    began: int,
    attributes: Mapping[str, Value],
    *,
    links: Sequence[Link] = (),
    error: str = "",
) -> None:
    """Makes the span that `trace` names and that ends now. `parent` is a `traceparent`, empty for the first of a trace;
    `error` says what went wrong."""
    tracer = Tracing.tracer
    if tracer is None:
        return
    Tracing.ids.trace_id, Tracing.ids.span_id = _ids(trace.traceparent)
    context = Context()
    if parent:
        context = set_span_in_context(NonRecordingSpan(_context(parent, trace.tracestate)), context)
    if trace.request_id:
        attributes = {**attributes, REQUEST_ID: trace.request_id}
    span = tracer.start_span(name, context, kind, attributes, links, began)
    if error:
        span.set_status(Status(StatusCode.ERROR, error))
    span.end()


class _Hop:
    def __init__(self, trace: Trace, name: str, kind: SpanKind, attributes: Mapping[str, Value]) -> None:
        self._parent = trace.traceparent
        self._trace = trace.below(sampled=True)
        self._name, self._kind, self._attributes = name, kind, attributes
        self._began = 0
        self._before: Token[Trace] | None = None

    def __enter__(self) -> None:
        self._began = now()
        self._before = current_trace.set(self._trace)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._before is not None:
            current_trace.reset(self._before)
        text = "" if kind is None else kind.__name__
        record(self._trace, self._parent, self._name, self._kind, self._began, self._attributes, error=text)


class _NotSampled:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


_NOT_SAMPLED: Final = _NotSampled()


def hop(
    name: str, kind: SpanKind = SpanKind.INTERNAL, *, of: Trace | None = None, **attributes: Value
) -> _Hop | _NotSampled:
    """For `with`: what happens inside is a span of the current trace, or of another, and causes what is sent from it.

    Names and attributes are ours: nothing that a client has written.
    """
    trace = current_trace.get() if of is None else of
    return _Hop(trace, name, kind, attributes) if is_traced(trace) else _NOT_SAMPLED


class Batch:
    """For `with`: what is done for many at once, in a span for each sampled trace among them.

    Each is linked to the others that it was done with, `MOST_LINKS` at most.
    """

    def __init__(self, name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: Value) -> None:
        self._name, self._kind, self._attributes = name, kind, attributes
        self._began = 0
        self._traces: dict[str, Trace] = {}
        """By parent: one span, however much of the batch one parent has caused."""

    def take(self, traces: Iterable[Trace]) -> None:
        """Those that it is done for, as they become known."""
        if Tracing.tracer is not None:
            sampled = [trace for trace in traces if trace.is_sampled and trace.traceparent not in self._traces]
            self._traces.update((trace.traceparent, trace.below(sampled=True)) for trace in sampled)

    def inner(self, name: str) -> "Batch":
        """A part of it, in spans below its own."""
        inner = Batch(name)
        inner.take(self._traces.values())
        return inner

    def __enter__(self) -> Self:
        self._began = now()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if not self._traces:
            return
        text = "" if kind is None else kind.__name__
        first = list(self._traces)[: MOST_LINKS + 1]
        links = {parent: Link(_context(parent, "")) for parent in first} if len(first) > 1 else {}
        for parent, trace in self._traces.items():
            others = [link for linked, link in links.items() if linked != parent][:MOST_LINKS]
            record(trace, parent, self._name, self._kind, self._began, self._attributes, links=others, error=text)


def _ids(traceparent: str) -> tuple[int, int]:
    return int(traceparent[3:35], 16), int(traceparent[36:52], 16)


def _context(traceparent: str, tracestate: str) -> SpanContext:
    trace_id, span_id = _ids(traceparent)
    state = TraceState.from_header([tracestate]) if tracestate else None
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED), trace_state=state)
