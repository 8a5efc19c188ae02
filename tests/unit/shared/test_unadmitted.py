"""What is refused unadmitted is told of at a bounded rate."""

import logging

import pytest

from shared.http.unadmitted import LINES_PER_SECOND, BoundedLog


def test_a_flood_is_a_few_lines_and_their_number(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("shared.http.unadmitted.time.monotonic", lambda: now)
    log = BoundedLog()
    with caplog.at_level(logging.INFO, "shared.http.unadmitted"):
        for _ in range(1000):
            log.write("bad_request", "192.0.2.1")
        assert len(caplog.messages) == LINES_PER_SECOND
        now += 1
        log.write("not_found", "192.0.2.2")
    assert caplog.messages[LINES_PER_SECOND:] == [
        f"{1000 - LINES_PER_SECOND} more requests were refused unadmitted",
        "refused unadmitted: not_found from 192.0.2.2",
    ]
