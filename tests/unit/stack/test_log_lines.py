import json
from datetime import UTC, datetime

import pytest

from stack.processes.log_lines import parse, parse_time, render

REQUEST = "01a22401-3182-7379-9675-d612c277a6c5"


def json_line(**changes: object) -> str:
    content = {
        "level": "WARNING",
        "logger": "gateway.upstream.proxy",
        "message": "a service is unavailable",
        "process": "gateway",
        "time": "2026-11-28T21:13:07.728686+00:00",
    }
    return json.dumps(content | changes)


def test_a_line_of_a_process_is_time_level_log_and_message() -> None:
    line = parse("gateway", json_line())
    assert render(line) == "2026-11-28 21:13:07.728 WARNING  gateway    a service is unavailable"


def test_fields_follow_the_message_and_the_request_id_is_last() -> None:
    raw = json_line(request_id=REQUEST, traceparent="00-1", service="catalog", seconds=0.5, address=None, note="a b")
    assert render(parse("gateway", raw)).endswith(
        f' a service is unavailable service=catalog seconds=0.5 note="a b" request_id={REQUEST}'
    )


def test_the_security_log_is_named() -> None:
    assert "logger=muster.security" in render(parse("gateway", json_line(logger="muster.security")))


def test_a_traceback_is_below_its_line() -> None:
    shown = render(parse("catalog", json_line(exc_info="Traceback:\n  KeyError: 1")))
    assert shown.splitlines()[1:] == ["    Traceback:", "      KeyError: 1"]


def test_what_a_client_sent_cannot_move_the_cursor() -> None:
    raw = json_line(message="\x1b[2Jgone\r\n", path="\x1b]0;x\x07", exc_info="\x1b[31m")
    shown = render(parse("gateway", raw))
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert r"\x1b[2Jgone\r\n" in shown


@pytest.mark.parametrize("raw", ["", "not JSON", "[1]", '"text"', "{", "12", "\x00"])
def test_any_other_line_is_shown_as_it_is(raw: str) -> None:
    line = parse("redis", raw)
    assert (line.text, line.time, line.level) == (raw, None, "")
    assert render(line)


@pytest.mark.parametrize("raw", ["{}", '{"message": null, "time": 5, "request_id": 7, "exc_info": [1], "a": {}}'])
def test_incomplete_lines_are_shown(raw: str) -> None:
    assert render(parse("gateway", raw))


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-28 21:13:07.728 UTC [12] LOG:  ready",
        "2026-11-28 21:13:07.728000+00:00 [info] <0.1.0> ready",
        "2026-11-28T22:13:07.728+01:00 catalog ended by itself",
        "2026-11-28 21:13:07,728 ready",
    ],
)
def test_times_of_servers_are_read(text: str) -> None:
    assert parse_time(text) == datetime(2026, 11, 28, 21, 13, 7, 728000, UTC)
    assert "28" not in parse("postgres", text).text


@pytest.mark.parametrize("text", ["", "12:00", "2026-99-28 21:13:07 x", "x 2026-11-28 21:13:07"])
def test_no_other_text_is_a_time(text: str) -> None:
    assert parse_time(text) is None
