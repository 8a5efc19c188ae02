"""Sends spans by OTLP/HTTP, or writes them into a file, from a thread and a bounded queue of its own.

Needs the packages of the extra `tracing` (requirements-tracing.lock), which a process that sends none does without.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared.tracing.spans import Ids, Tracing

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

MOST_WAITING: Final = 2048
"""Spans that wait to be sent; past them the oldest is dropped."""
BATCH: Final = 512
INTERVAL: Final = 1.0
"""Seconds between two sendings, while fewer than `BATCH` wait."""
SEND_TIMEOUT: Final = 5.0
"""Seconds for one sending, with its repetitions."""
END_TIMEOUT: Final = 2.0
"""Seconds in which the last spans must be sent when a process ends: it does not wait longer."""
PATH: Final = "/v1/traces"


class TracingUnavailable(Exception):
    """Spans are to be sent, and the packages that send them are not installed."""


@contextmanager
def tracing(process: str, endpoint: str | None, file: Path | None) -> Iterator[None]:
    """Sends the spans of this process to the endpoint, or writes them into the file, until its end; with neither it
    makes none. Raises `TracingUnavailable`."""
    try:
        exporter = _to_endpoint(endpoint) if endpoint else _to_file(file) if file else None
    except ImportError as error:
        raise TracingUnavailable(
            "OTEL_EXPORTER_OTLP_ENDPOINT and TRACE_FILE need the packages of the extra tracing, and"
            f" {error.name} is not installed: pip install --require-hashes -r requirements-tracing.lock"
        ) from None
    if exporter is None:
        yield
        return
    with providing(process, exporter):
        yield


def _to_endpoint(endpoint: str) -> "SpanExporter":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint.rstrip("/") + PATH, timeout=SEND_TIMEOUT)


def _to_file(file: Path) -> "SpanExporter":
    from shared.tracing.span_file import SpanFile

    return SpanFile(file)


@contextmanager
def providing(process: str, exporter: "SpanExporter") -> Iterator[None]:
    """Gives the spans of this process to the exporter, until the end."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    class GivenIds(Ids, IdGenerator):
        pass

    ids = GivenIds()
    resource = Resource.create({"service.name": process, "service.namespace": "muster"})
    provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=ids)
    processor = BatchSpanProcessor(
        exporter, max_queue_size=MOST_WAITING, schedule_delay_millis=INTERVAL * 1000, max_export_batch_size=BATCH
    )
    provider.add_span_processor(processor)
    Tracing.tracer, Tracing.ids = provider.get_tracer("muster"), ids
    try:
        yield
    finally:
        Tracing.tracer = None
        ending = threading.Thread(target=provider.shutdown, name="last spans", daemon=True)
        ending.start()
        ending.join(END_TIMEOUT)
