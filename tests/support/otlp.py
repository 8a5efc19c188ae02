"""What receives spans, as a collector does: by OTLP/HTTP, in protobuf."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shared.tracing.exporting import PATH, tracing
from tests.support.eventually import eventually
from tests.support.stack import serving


@dataclass(frozen=True)
class Received:
    """A span. `links` and `parent` are span ids; `parent` is empty for the first of a trace."""

    trace_id: str
    span_id: str
    parent: str
    name: str
    attributes: Mapping[str, Any]
    links: frozenset[str]
    state: str
    has_failed: bool
    began: int
    ended: int


@dataclass
class Receiver:
    spans: list[Received] = field(default_factory=list)

    def of(self, trace_id: str) -> list[Received]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def named(self, trace_id: str, name: str) -> list[Received]:
        return [span for span in self.of(trace_id) if span.name == name]

    async def has(self, trace_id: str, names: Iterable[str]) -> None:
        """Returns once the trace has a span of each of these names."""

        async def arrived() -> bool:
            assert set(names) <= {span.name for span in self.of(trace_id)}
            return True

        await eventually(arrived)

    async def take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-protobuf"
        message: Any = ExportTraceServiceRequest()
        message.ParseFromString(await request.read())
        for resource in message.resource_spans:
            for scope in resource.scope_spans:
                self.spans += map(_received, scope.spans)
        return web.Response(content_type="application/x-protobuf")


def _received(span: Any) -> Received:
    return Received(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.name,
        {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes},
        frozenset(link.span_id.hex() for link in span.links),
        span.trace_state,
        span.status.code == span.status.STATUS_CODE_ERROR,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
    )


@asynccontextmanager
async def receiving_spans() -> AsyncIterator[Receiver]:
    """All spans of this process, whichever application's: a test looks for those of its own traces."""
    receiver, app = Receiver(), web.Application()
    app.router.add_post(PATH, receiver.take)
    async with serving(app) as url:
        exits = ExitStack()
        exits.enter_context(tracing("test", url, None))
        try:
            yield receiver
        finally:
            await asyncio.to_thread(exits.close)  # the last spans come while it waits
