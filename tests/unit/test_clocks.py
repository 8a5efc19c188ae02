"""Rows have the database's time: a machine whose clock is wrong must not write it into them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READS_THE_CLOCK = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}
NO_ROWS = {
    "services/catalog/demonstration.py",  # which days the made-up sessions are on
    "shared/messaging/dead_letter.py",  # when a message failed
    "shared/metrics/messaging.py",  # how late an event is applied
    "shared/auth/internal_token.py",  # how long tokens live, with their leeway
    "shared/auth/signing.py",  # when they begin and end
    "shared/http/server/response_bytes.py",  # the Date of a response
    "shared/tracing/spans.py",  # when a span began and ended
}
"""Files that read this machine's clock, each for something that ends in no row."""


def clock_readings(source: str) -> set[str]:
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return {ast.unparse(call) for call in calls} & READS_THE_CLOCK


def test_services_read_the_clock_of_the_database_alone() -> None:
    files = [file for folder in ("services", "shared") for file in (ROOT / folder).rglob("*.py")]
    reading = {str(file.relative_to(ROOT)) for file in files if clock_readings(file.read_text(encoding="utf-8"))}
    assert reading == NO_ROWS


@pytest.mark.parametrize("reading", ["datetime.now(UTC)", "time.time()", "f(date.today())"])
def test_control_a_reading_is_recognised(reading: str) -> None:
    assert clock_readings(f"def completed():\n    return {reading}\n")


def test_control_a_monotonic_clock_is_none_that_could_be_wrong() -> None:
    assert not clock_readings("time.monotonic()")
