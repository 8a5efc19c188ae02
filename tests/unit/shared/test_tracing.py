"""Spans: made of what is sampled, and of nothing else (decision 39)."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from shared.events.cloudevents import trace_in
from shared.observability import NO_TRACE, Trace, current_trace, new_traceparent, own_trace, trace_from
from shared.tracing import exporting
from shared.tracing.entrance import ERRORS_A_SECOND, Entrance, Sampling
from shared.tracing.exporting import providing
from shared.tracing.span_file import SpanFile
from shared.tracing.spans import MOST_LINKS, Batch, Tracing, hop

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
UNSAMPLED = f"00-{TRACE_ID}-00f067aa0ba902b7-00"
SAMPLED = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
NAME = ("GET", "/api/v1/training/courses")


class Kept(SpanExporter):
    """Spans as they are sent; `wait` is how long each sending takes."""

    def __init__(self, wait: Callable[[], object] = lambda: None) -> None:
        self.spans: list[ReadableSpan] = []
        self._wait = wait

    def export(self, spans: Any) -> SpanExportResult:
        self._wait()
        self.spans += spans
        return SpanExportResult.SUCCESS


def made(work: Callable[[], object]) -> list[ReadableSpan]:
    """The spans of this work."""
    kept = Kept()
    with providing("test", kept):
        work()
    return kept.spans


@pytest.fixture(autouse=True)
def trace() -> Iterator[None]:
    token = current_trace.set(Trace("request-0001", SAMPLED, "rojo=1"))
    yield
    current_trace.reset(token)


def ids(span: ReadableSpan) -> tuple[str, str]:
    assert span.context is not None
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def test_what_happens_inside_a_hop_is_caused_by_it() -> None:
    inside: list[Trace] = []

    def work() -> None:
        with hop("outer", size=3):
            inside.append(current_trace.get())
            with hop("inner"):
                pass

    inner, outer = made(work)
    assert inside[0] == Trace("request-0001", f"00-{TRACE_ID}-{ids(outer)[1]}-01", "rojo=1")
    assert current_trace.get().traceparent == SAMPLED
    assert (outer.name, dict(outer.attributes or {})) == ("outer", {"size": 3, "muster.request_id": "request-0001"})
    assert inner.parent is not None
    assert outer.parent is not None
    assert (f"{inner.parent.span_id:016x}", f"{outer.parent.span_id:016x}") == (ids(outer)[1], SAMPLED[36:52])
    assert inner.context is not None
    assert inner.context.trace_state.to_header() == "rojo=1"


def test_a_hop_that_fails_says_so_and_lets_the_error_pass() -> None:
    def work() -> None:
        with pytest.raises(ValueError, match="secret"), hop("fails"):
            raise ValueError("a secret")

    [span] = made(work)
    assert (span.status.is_ok, span.status.description, span.events) == (False, "ValueError", ())


@pytest.mark.parametrize("given", [NO_TRACE, Trace("", UNSAMPLED), own_trace(), Trace("", new_traceparent())])
def test_what_is_not_sampled_is_no_span(given: Trace) -> None:
    def work() -> None:
        current_trace.set(given)
        with hop("nothing"):
            assert current_trace.get() is given
        with Batch("nothing") as batch:
            batch.take([given])

    assert made(work) == []


def test_without_anywhere_to_send_them_there_are_no_spans_and_traces_go_on_as_they_came() -> None:
    before = current_trace.get()
    with hop("nothing"):
        assert current_trace.get() is before
    assert Entrance("catalog").enter("request-0001", SAMPLED, ()).traceparent == SAMPLED
    assert not Sampling("gateway", 1.0).enter("request-0001", "", ()).is_sampled


def test_a_batch_has_a_span_in_each_sampled_trace_linked_to_the_others() -> None:
    traces = [trace_from("", new_traceparent()).below(sampled=number % 2 == 0) for number in range(6)]

    def work() -> None:
        with Batch("together") as batch:
            batch.take(traces)
            batch.take(traces[:3])
            with batch.inner("part"):
                pass

    spans = made(work)
    parents = {trace.traceparent[36:52] for trace in traces if trace.is_sampled}
    together = [span for span in spans if span.name == "together"]
    assert {f"{span.parent.span_id:016x}" for span in together if span.parent} == parents
    for span in together:
        assert span.parent is not None
        assert {f"{link.context.span_id:016x}" for link in span.links} == parents - {f"{span.parent.span_id:016x}"}
    parts = {span.parent.span_id for span in spans if span.name == "part" and span.parent}
    assert parts == {span.context.span_id for span in together if span.context}


def test_links_are_bounded() -> None:
    def work() -> None:
        with Batch("many") as batch:
            batch.take(own_trace().below(sampled=True) for _ in range(MOST_LINKS * 3))

    assert {len(span.links) for span in made(work)} == {MOST_LINKS}


@pytest.mark.parametrize("sent", ["", UNSAMPLED, SAMPLED])
@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_the_gateway_alone_decides(sent: str, ratio: float) -> None:
    def work() -> None:
        entered = Sampling("gateway", ratio).enter("request-0001", sent, ["rojo=1"])
        assert entered.is_sampled == (ratio == 1.0)
        if sent:
            assert (entered.traceparent[3:35], entered.tracestate) == (TRACE_ID, "rojo=1")
            changed = entered.is_sampled or sent == SAMPLED  # W3C Trace Context, 3.2.2.5.1
            assert (entered.traceparent[36:52] != sent[36:52]) == changed
        service = Entrance("catalog").enter(entered.request_id, entered.traceparent, ())
        assert service.is_sampled == entered.is_sampled

    made(work)


def test_other_flags_stay_as_they_came() -> None:
    for flags, kept in (("02", "02"), ("03", "02"), ("ff", "02"), ("00", "00")):
        assert Trace("", UNSAMPLED[:-2] + flags).below(sampled=False).traceparent[-2:] == kept
    assert Trace("", UNSAMPLED[:-2] + "02").below(sampled=True).traceparent[-2:] == "03"


def test_all_of_a_request_is_the_span_that_it_passed_on() -> None:
    gateway, began = Sampling("gateway", 1.0), perf_counter() - 0.25
    entered: list[Trace] = []

    def work() -> None:
        entered.append(gateway.enter("request-0001", UNSAMPLED, ()))
        gateway.leave(entered[0], UNSAMPLED, NAME, 200, began)

    [span] = made(work)
    assert ids(span)[1] == entered[0].traceparent[36:52]
    assert span.name == "GET /api/v1/training/courses"
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time >= 250_000_000
    assert span.attributes is not None
    assert (span.attributes["muster.process"], span.attributes["http.response.status_code"]) == ("gateway", 200)


def test_a_request_without_a_trace_begins_one() -> None:
    gateway = Sampling("gateway", 1.0)
    [span] = made(lambda: gateway.leave(gateway.enter("request-0001", "", ()), "", NAME, 200, perf_counter()))
    assert span.parent is None


@pytest.mark.parametrize("sent", ["", UNSAMPLED, SAMPLED])
def test_a_failure_has_a_span_afterwards_and_many_have_a_few(sent: str) -> None:
    gateway = Sampling("gateway", 0.0)

    def fail() -> None:
        for status in (200, 404, 429, *[503] * ERRORS_A_SECOND * 4):
            gateway.leave(gateway.enter("request-0001", sent, ()), sent, NAME, status, perf_counter())

    spans = made(fail)
    assert ERRORS_A_SECOND <= len(spans) <= ERRORS_A_SECOND * 4  # as many again in each second that it takes
    assert {span.status.description for span in spans} == {"503"}
    assert {span.parent is None for span in spans} == {sent == ""}
    assert not sent or {ids(span)[0] for span in spans} == {TRACE_ID}


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_whether_a_process_is_ready_is_no_request_of_anybodys(ratio: float) -> None:
    gateway = Sampling("gateway", ratio)
    name = ("GET", "/health/ready")
    assert not made(lambda: gateway.leave(gateway.enter("", "", ()), "", name, 503, perf_counter()))


def test_a_service_leaves_what_was_not_sampled_to_the_gateway() -> None:
    service = Entrance("catalog")
    assert not made(lambda: service.leave(service.enter("", UNSAMPLED, ()), UNSAMPLED, NAME, 503, perf_counter()))


def test_the_trace_of_an_event_is_read_from_its_body_if_it_is_sampled() -> None:
    envelope = {
        "specversion": "1.0",
        "id": "0199b1f4-8f3d-7c5e-9a3b-1f2e3d4c5b6a",
        "source": "/muster",
        "type": "training.course.saved.v1",
    }
    envelope |= {"subject": "courses/7", "time": "2026-01-01T00:00:00Z", "dataschema": "x", "organisationid": "7"}
    traced = envelope | {"traceparent": SAMPLED, "requestid": "request-0001", "tracestate": "rojo=1", "data": {}}
    for separators in (None, (",", ":")):
        assert trace_in(json.dumps(traced, separators=separators)) == Trace("request-0001", SAMPLED, "rojo=1")
    assert trace_in(json.dumps(traced | {"traceparent": UNSAMPLED})) == NO_TRACE
    assert trace_in(json.dumps(envelope | {"data": {"title": f'"traceparent":"{SAMPLED}"'}})) == NO_TRACE
    assert trace_in(f'{{"traceparent":"{SAMPLED}"}}') == NO_TRACE


def test_spans_are_written_into_a_file_that_is_bounded_and_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "spans" / "catalog.jsonl"
    file = SpanFile(path, most_bytes=4000)

    def work() -> None:
        with Batch("together", size=3, share=0.5, good=True) as batch:
            batch.take([current_trace.get(), own_trace().below(sampled=True)])

    spans = made(work)
    for _ in range(10):
        file.export(spans)
    before = path.with_name("catalog.jsonl.1")
    assert path.stat().st_size <= 4000
    assert before.stat().st_size <= 4000
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    line = json.loads(path.read_text().splitlines()[0])["resourceSpans"][0]
    assert {"key": "service.name", "value": {"stringValue": "test"}} in line["resource"]["attributes"]
    first, second = line["scopeSpans"][0]["spans"]
    assert (first["traceId"], first["parentSpanId"], first["traceState"]) == (TRACE_ID, SAMPLED[36:52], "rojo=1")
    assert first["links"] == [{"traceId": second["traceId"], "spanId": second["parentSpanId"]}]
    assert first["attributes"][:3] == [
        {"key": "size", "value": {"intValue": "3"}},
        {"key": "share", "value": {"doubleValue": 0.5}},
        {"key": "good", "value": {"boolValue": True}},
    ]


WITHOUT_PACKAGES = """
import sys
sys.modules["opentelemetry.sdk"] = None
from pathlib import Path
from shared.tracing.exporting import TracingUnavailable, tracing
endpoint, file = eval(sys.argv[1])
try:
    tracing("test", endpoint, file).__enter__()
except TracingUnavailable as error:
    print(error)
"""


@pytest.mark.parametrize("given", ["('http://127.0.0.1:1', None)", "(None, Path('spans'))"])
def test_without_the_packages_the_start_says_which_are_missing(given: str) -> None:
    said = subprocess.check_output([sys.executable, "-c", WITHOUT_PACKAGES, given], text=True, timeout=60)
    assert re.search(r"extra tracing, and opentelemetry\.sdk.* is not installed: .*requirements-tracing\.lock", said)


def test_a_collector_that_hangs_keeps_no_process_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "END_TIMEOUT", 0.05)
    answers = threading.Event()
    with providing("test", Kept(lambda: answers.wait(60))), hop("lost"):
        pass
    assert not answers.is_set()  # the end did not wait for it
    assert Tracing.tracer is None
    answers.set()


def test_more_than_can_be_sent_is_dropped() -> None:
    answers = threading.Event()
    kept = Kept(lambda: answers.wait(60))
    with providing("test", kept):
        for _ in range(exporting.MOST_WAITING + exporting.BATCH * 3):
            with hop("many"):
                pass
        answers.set()
    assert len(kept.spans) <= exporting.MOST_WAITING + exporting.BATCH
