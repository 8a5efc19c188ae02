"""The security log: a line for each event, bounded under a flood, and nothing that is dropped without being counted."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared import security_log
from shared.observability import NO_TRACE, Trace, current_trace
from shared.security_log import SecurityEvent, SecurityLog
from tests.support.eventually import eventually
from tests.support.security_lines import SecurityLines

PAGE = Path(__file__).parents[3] / "docs" / "security.md"
FLOOD = 10_000
REFUSED = SecurityEvent.TOKEN_REFUSED
LONG = 3600.0
"""Seconds; no window ends while a test runs."""


def flood(log: SecurityLog, count: int = FLOOD, *, sources: int = 1000) -> None:
    for number in range(count):
        log.record(REFUSED, reason="expired", address=f"address {number % sources}")


def test_a_line_says_what_happened_to_whom_and_in_which_request(security_lines: SecurityLines) -> None:
    token = current_trace.set(Trace("request-0001", ""))
    try:
        security_log.record(
            SecurityEvent.PERMISSION_DENIED, subject="7", organisation_id=3, address="10.0.0.1", permission="x"
        )
    finally:
        current_trace.reset(token)
    line = security_lines.one(SecurityEvent.PERMISSION_DENIED)
    assert {name: line[name] for name in line if name not in ("time", "traceparent")} == {
        "event": "permission_denied",
        "message": "a permission was missing",
        "level": "INFO",
        "logger": "muster.security",
        "process": "test",
        "subject": "7",
        "organisation_id": 3,
        "address": "10.0.0.1",
        "request_id": "request-0001",
        "permission": "x",
    }


def test_what_is_not_known_is_null(security_lines: SecurityLines) -> None:
    assert current_trace.get() == NO_TRACE
    security_log.record(REFUSED, reason="missing")
    line = security_lines.one(REFUSED)
    assert {line[name] for name in ("subject", "organisation_id", "address", "request_id")} == {None}


@pytest.mark.parametrize("text", ['7\n{"event": "login_succeeded"}', "7\r\n", "7\x1b[2J", "7\u2028\x00\x85"])
def test_no_text_breaks_a_line(security_lines: SecurityLines, text: str) -> None:
    security_log.record(REFUSED, subject=text)
    assert len(security_lines.text.splitlines()) == 1
    assert security_lines.text.rstrip("\n").isprintable()
    assert security_lines.one(REFUSED)["subject"] == text


def test_a_flood_writes_few_lines_and_its_whole_count(security_lines: SecurityLines) -> None:
    assert_bounded_and_told(SecurityLog(seconds=LONG), security_lines)


def test_control_a_log_without_a_bound_is_noticed(security_lines: SecurityLines) -> None:
    unbounded = SecurityLog(seconds=LONG, lines=FLOOD, lines_of_one_source=FLOOD)
    with pytest.raises(AssertionError, match="lines written"):
        assert_bounded_and_told(unbounded, security_lines)


def test_control_a_log_that_drops_without_counting_is_noticed(
    security_lines: SecurityLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SecurityLog, "_suppress", lambda *_: None)
    with pytest.raises(AssertionError, match="lines missing"):
        assert_bounded_and_told(SecurityLog(seconds=LONG), security_lines)


def assert_bounded_and_told(log: SecurityLog, lines: SecurityLines) -> None:
    flood(log)
    log.flush()
    written = len(lines.of(REFUSED))
    assert written <= security_log.LINES, f"{written} lines written"
    missing = FLOOD - written - lines.suppressed(REFUSED)
    assert missing == 0, f"{missing} lines missing"


def test_one_address_does_not_hide_the_others(security_lines: SecurityLines) -> None:
    log = SecurityLog(seconds=LONG)
    flood(log, sources=1)
    assert len(security_lines.of(REFUSED)) == security_log.LINES_OF_ONE_SOURCE
    log.record(REFUSED, reason="revoked", address="10.9.9.9")
    assert security_lines.one(REFUSED, reason="revoked")["address"] == "10.9.9.9"


def test_one_event_does_not_hide_the_others(security_lines: SecurityLines) -> None:
    log = SecurityLog(seconds=LONG)
    flood(log)
    log.record(SecurityEvent.LOGIN_FAILED, address="10.0.0.1")
    security_lines.one(SecurityEvent.LOGIN_FAILED)


def test_a_flood_is_told_by_its_reasons(security_lines: SecurityLines) -> None:
    log = SecurityLog(seconds=LONG, lines=1)
    for reason in ("missing", "missing", "expired", "missing"):
        log.record(REFUSED, reason=reason)
    log.flush()
    told = security_lines.one(SecurityEvent.LINES_SUPPRESSED)
    assert (told["suppressed_event"], told["count"], told["reasons"]) == (REFUSED, 3, {"missing": 2, "expired": 1})


async def test_a_flood_that_has_ended_is_told_without_another_line(security_lines: SecurityLines) -> None:
    flood(SecurityLog(seconds=0.05), 1000)

    async def told() -> bool:
        assert len(security_lines.of(REFUSED)) + security_lines.suppressed(REFUSED) == 1000
        return True

    await eventually(told)


async def test_a_flood_that_goes_on_is_told_again_and_again(security_lines: SecurityLines) -> None:
    log, recorded = SecurityLog(seconds=0.02, lines=2), 0

    async def told_thrice() -> bool:
        nonlocal recorded
        flood(log, 100)
        recorded += 100
        assert len(security_lines.of(SecurityEvent.LINES_SUPPRESSED)) >= 3
        return True

    await eventually(told_thrice)
    log.flush()
    assert len(security_lines.of(REFUSED)) + security_lines.suppressed(REFUSED) == recorded


def test_a_flood_takes_no_memory(security_lines: SecurityLines) -> None:
    log = SecurityLog(seconds=LONG)
    for number in range(FLOOD):
        log.record(REFUSED, address=f"address {number}")
    [window] = log._windows.values()
    assert len(window.written_of) <= security_log.LINES


def test_the_level_of_the_log_does_not_silence_it() -> None:
    """In a process of its own: it configures the logging of all."""
    code = """
from shared.observability import configure_logging
from shared.security_log import SecurityEvent, record
configure_logging("test", "CRITICAL")
record(SecurityEvent.TOKEN_REFUSED)
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=PAGE.parents[1], capture_output=True, text=True, check=True)
    assert json.loads(ran.stderr)["event"] == "token_refused"


def test_the_page_lists_every_event() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(rows) >= set(SecurityEvent)
