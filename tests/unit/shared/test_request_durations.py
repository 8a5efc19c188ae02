import tomllib
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

import shared.metrics.requests
from shared.metrics.requests import OTHER, RequestDurations
from shared.metrics.version import VERSION

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


def samples(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_each_is_in_its_bucket_and_all_above() -> None:
    registry = CollectorRegistry()
    durations = RequestDurations(registry)
    for seconds in (0.0005, 0.001, 0.02, 60.0):
        durations.observe("/courses/{id}", "GET", 200, seconds)
    found = samples(registry)
    name, labels = "http_server_request_duration_seconds", ("GET", "/courses/{id}", "200")
    counts = {bound: found[f"{name}_bucket", bound, *labels] for bound in ("0.001", "0.01", "0.025", "10.0", "+Inf")}
    assert counts == {"0.001": 2, "0.01": 2, "0.025": 3, "10.0": 3, "+Inf": 4}
    assert found[f"{name}_count", *labels] == 4
    assert found[f"{name}_sum", *labels] == pytest.approx(60.0215)


def test_there_is_a_bound_on_the_series(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.metrics.requests, "MOST_SERIES", 2)
    registry = CollectorRegistry()
    durations = RequestDurations(registry)
    for number in range(5):
        durations.observe(f"/{number}", "GET", 200, 0.001)
    counted = {labels[-2]: value for labels, value in samples(registry).items() if labels[0].endswith("_count")}
    assert counted == {"/0": 1, "/1": 1, OTHER: 3}


def test_the_version_is_that_of_the_project() -> None:
    assert tomllib.loads(PYPROJECT.read_text())["project"]["version"] == VERSION
