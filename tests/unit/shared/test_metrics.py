"""Instruments add up what happens, and their labels stay few and ours."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from shared.metrics import requests, traffic
from shared.metrics.housekeeping import Housekeeping, finished
from shared.metrics.imports import ImportMetrics
from shared.metrics.messaging import MOST_TYPES, ConsumerMetrics, RelayMetrics
from shared.metrics.pools import PoolMetrics
from shared.metrics.registry import Metrics
from shared.metrics.requests import OTHER, RequestDurations
from shared.metrics.traffic import LogLines, Refusals


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@dataclass
class Event:
    type: str
    time: datetime | None


def test_refusals_are_counted_by_code_and_route(registry: CollectorRegistry) -> None:
    refusals = Refusals(registry)
    for code in ("not_found", "not_found", "unauthorized"):
        refusals.count(code, "/a")
    assert registry.get_sample_value("muster_refusals_total", {"code": "not_found", "route": "/a"}) == 2
    assert registry.get_sample_value("muster_refusals_total", {"code": "unauthorized", "route": "/a"}) == 1


def test_refusals_are_bounded(registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "MOST_SERIES", 2)
    refusals = Refusals(registry)
    for route in ("/a", "/b", "/c", "/d", "/a"):
        refusals.count("not_found", route)
    found = {
        route: registry.get_sample_value("muster_refusals_total", {"code": "not_found", "route": route})
        for route in ("/a", "/b", "/c", "/d", OTHER)
    }
    assert found == {"/a": 2, "/b": 1, "/c": None, "/d": None, OTHER: 2}


def test_a_method_of_a_clients_own_is_another(registry: CollectorRegistry) -> None:
    durations = RequestDurations(registry)
    for method in ("BREW", "GET", "WHEN"):
        durations.observe("/a", method, 501, 0.0)
    name = "http_server_request_duration_seconds_count"
    assert registry.get_sample_value(name, {"route": "/a", "method": OTHER, "status": "501"}) == 2
    assert registry.get_sample_value(name, {"route": "/a", "method": "GET", "status": "501"}) == 1
    assert requests.OTHER not in requests.METHODS


def test_events_are_counted_by_type_with_their_lag(registry: CollectorRegistry) -> None:
    consumer, now = ConsumerMetrics(registry), datetime.now(UTC)
    late, early = now - timedelta(seconds=10), now + timedelta(hours=1)
    consumer.applied([Event("course.saved", late), Event("course.saved", early), Event("session.saved", None)])
    assert registry.get_sample_value("muster_consumer_applied_total", {"event_type": "course.saved"}) == 2
    assert registry.get_sample_value("muster_consumer_applied_total", {"event_type": "session.saved"}) == 1
    assert registry.get_sample_value("muster_projection_lag_seconds_count") == 2
    lag = registry.get_sample_value("muster_projection_lag_seconds_sum")
    assert lag is not None
    assert 10 <= lag < 15  # what comes from a clock that is ahead is not late


def test_types_of_events_are_bounded(registry: CollectorRegistry) -> None:
    consumer = ConsumerMetrics(registry)
    for number in range(MOST_TYPES + 5):
        consumer.applied([Event(f"kind.{number}", None)])
    assert registry.get_sample_value("muster_consumer_applied_total", {"event_type": OTHER}) == 5


def test_lines_of_the_log_are_counted_by_level(registry: CollectorRegistry) -> None:
    log = logging.getLogger("tests.metrics")
    handler = LogLines(registry)
    log.addHandler(handler)
    try:
        log.info("nothing")
        log.warning("look")
        log.error("worse")
        log.critical("worst")
    finally:
        log.removeHandler(handler)
    assert registry.get_sample_value("muster_log_lines_total", {"level": "warning"}) == 1
    assert registry.get_sample_value("muster_log_lines_total", {"level": "error"}) == 2


def test_a_task_that_never_finishes_has_the_time_of_its_start(registry: CollectorRegistry) -> None:
    task = Housekeeping(registry).task("expired_rows")
    labels = {"task": "expired_rows"}
    began = registry.get_sample_value("muster_housekeeping_last_run_seconds", labels)
    assert began
    finished(task)
    ended = registry.get_sample_value("muster_housekeeping_last_run_seconds", labels)
    assert ended is not None
    assert ended >= began


def test_imports_of_all_kinds_are_shown_and_none_is_zero(registry: CollectorRegistry) -> None:
    imports = ImportMetrics(registry)
    imports.show(["people", "courses"], {("people", "running"): 2})
    imports.show(["people", "courses"], {("people", "waiting"): 1})

    def shown(kind: str, status: str) -> float | None:
        return registry.get_sample_value("muster_imports", {"kind": kind, "status": status})

    assert (shown("people", "waiting"), shown("people", "running")) == (1, 0)
    assert (shown("courses", "waiting"), shown("courses", "running")) == (0, 0)


async def test_what_cannot_be_asked_is_logged_once_until_it_can(caplog: pytest.LogCaptureFixture) -> None:
    metrics, fails = Metrics(), True

    def lines() -> int:
        """What others log meanwhile does not count."""
        return sum(record.name == "shared.metrics.registry" for record in caplog.records)

    async def sample() -> None:
        if fails:
            raise OSError

    metrics.sample("outbox", sample)
    await metrics.exposition()
    await metrics.exposition()
    assert lines() == 1
    fails = False
    await metrics.exposition()
    fails = True
    await metrics.exposition()
    assert lines() == 2


def test_parts_without_a_registry_count_for_nobody() -> None:
    """Any number of them beside each other."""
    for _ in range(2):
        RelayMetrics().direct.published.inc()
        ConsumerMetrics().failed.inc()
        PoolMetrics()
