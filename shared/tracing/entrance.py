"""Where requests enter a process: which trace each belongs to, whether it is sampled, and the span of all of it."""

import random
from collections.abc import Sequence
from time import perf_counter
from typing import Final

from opentelemetry.trace import SpanKind

from shared.observability import Trace, is_traceparent, trace_from
from shared.tracing.spans import PROCESS, Tracing, Value, is_traced, now, record

ERRORS_A_SECOND: Final = 20
"""Failed requests that have a span although they are not sampled: where everything fails, some of it says as much."""
_FAILED: Final = 500
_HEALTH: Final = "/health/"
"""Nobody's requests: they are asked for every few seconds, and refused for as long as a process starts."""
_NS: Final = 1_000_000_000


class Entrance:
    """Of a service: what the gateway has decided counts."""

    def __init__(self, process: str = "") -> None:
        self.process = process

    def enter(self, request_id: str, traceparent: str, tracestates: Sequence[str]) -> Trace:
        """The trace of a request with these headers; where it is sampled, with the span that `leave` makes."""
        trace = trace_from(request_id, traceparent, tracestates)
        return trace.below(sampled=True) if is_traced(trace) else trace

    def leave(self, trace: Trace, sent: str, name: tuple[str, str], status: int, began: float) -> None:
        """Once the request is answered, or its stream has begun. `sent` is the `traceparent` that came with it, `name`
        its method and the template of its path, and `began` is when it came, by `perf_counter`."""
        if trace.is_sampled:
            self._record(trace, sent, name, status, began)

    def _record(self, trace: Trace, sent: str, name: tuple[str, str], status: int, began: float) -> None:
        method, route = name
        if Tracing.tracer is None or route.startswith(_HEALTH):
            return
        attributes: dict[str, Value] = {
            PROCESS: self.process,
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        }
        parent = sent if is_traceparent(sent) else ""
        start = now() - int((perf_counter() - began) * _NS)
        error = str(status) if status >= _FAILED else ""
        record(trace, parent, f"{method} {route}", SpanKind.SERVER, start, attributes, error=error)


class Sampling(Entrance):
    """Of the gateway, which alone decides: by `ratio`, by whether the request failed, or because somebody who may has
    asked for it. A client's flag counts for nothing; its trace id and its state are kept."""

    def __init__(self, process: str, ratio: float) -> None:
        super().__init__(process)
        self._ratio = ratio
        self._second = 0
        self._errors = 0

    def enter(self, request_id: str, traceparent: str, tracestates: Sequence[str]) -> Trace:
        trace = trace_from(request_id, traceparent, tracestates)
        sampled = random.random() < self._ratio and Tracing.tracer is not None  # noqa: S311 - nothing secret
        return trace.below(sampled=sampled) if sampled or trace.is_sampled else trace

    def leave(self, trace: Trace, sent: str, name: tuple[str, str], status: int, began: float) -> None:
        if trace.is_sampled:
            self._record(trace, sent, name, status, began)
        elif status >= _FAILED and Tracing.tracer is not None and self._may_record_error(name):
            self._record(trace if trace.traceparent != sent else trace.below(sampled=True), sent, name, status, began)

    def _may_record_error(self, name: tuple[str, str]) -> bool:
        if name[1].startswith(_HEALTH):
            return False
        second = int(perf_counter())
        self._second, self._errors = second, 1 if second != self._second else self._errors + 1
        return self._errors <= ERRORS_A_SECOND
