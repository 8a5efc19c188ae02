"""One line for each request that was slow or failed, and a bound on how many lines there are."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from shared.http.request import NO_OWN_FIELDS, Head, Request
from shared.http.request_target import Target
from shared.http.server.request_log import LINES, MOST_REASONS, WINDOW, RequestLog, code_of
from shared.http.server.response_bytes import ResponseBytes
from shared.metrics.requests import OTHER
from shared.observability import Trace, current_trace, json_lines
from shared.time_spent import Spent, current_spent, spend
from tests.support.virtual_time import in_virtual_time, pass_time

TRACE = Trace("request-1", "00-1234567890abcdef1234567890abcdef-1234567890abcdef-01")
SECRET = "/calendars/secret"


def request(method: str = "GET", *, route: str = "/courses/{id}", is_head: bool = False) -> Request:
    headers = CIMultiDictProxy(CIMultiDict({"Authorization": "Bearer secret"}))
    target = Target(SECRET, "q=secret")
    head = Head(headers, NO_OWN_FIELDS)
    return Request(method, target, head, headers, NO_OWN_FIELDS, "192.0.2.1", is_head=is_head, route=route)


def response(status: int, body: Any = None) -> ResponseBytes:
    return ResponseBytes(status, b"", json.dumps(body).encode())


class Written:
    """The lines of a log as they are written."""

    def __init__(self) -> None:
        self._stream = StringIO()
        self.handler = json_lines("catalog", self._stream)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


@pytest.fixture
def written() -> Iterator[Written]:
    written, log = Written(), logging.getLogger("shared.http.server.request_log")
    log.addHandler(written.handler)
    yield written
    log.removeHandler(written.handler)


async def test_a_line_has_what_is_known_of_a_request_and_nothing_of_its_client(written: Written) -> None:
    token = current_trace.set(TRACE)
    log = RequestLog()
    spent: Spent = {"pool": 0.12345678, "database": 1.0}
    log.write(request("PUT"), response(503, {"code": "unavailable"}), None, 1.2345678, spent)
    log.write(request(is_head=True), response(500), "internal_error", 0.5, Spent())
    log.write(request("STEAL", route=OTHER), response(200), None, 2, Spent())
    current_trace.reset(token)
    times = [line.pop("time") for line in written.lines]
    assert len(times) == 3
    common = {
        "level": "WARNING",
        "logger": "shared.http.server.request_log",
        "process": "catalog",
        "request_id": TRACE.request_id,
        "traceparent": TRACE.traceparent,
    }
    failed = common | {"message": "a request failed", "route": "/courses/{id}"}
    assert [line | {"time": None} for line in written.lines] == [
        failed
        | {
            "time": None,
            "method": "PUT",
            "status": 503,
            "code": "unavailable",
            "seconds": 1.234568,
            "spent": {"pool": 0.123457, "database": 1.0},
        },
        failed | {"time": None, "method": "HEAD", "status": 500, "code": "internal_error", "seconds": 0.5, "spent": {}},
        common
        | {
            "time": None,
            "message": "a request was slow",
            "route": OTHER,
            "method": OTHER,
            "status": 200,
            "code": None,
            "seconds": 2,
            "spent": {},
        },
    ]


@pytest.mark.parametrize(
    ("status", "seconds", "notable"),
    [(200, 0.99, False), (200, 1.0, True), (429, 0.1, False), (499, 0.1, False), (500, 0.0, True), (504, 2.0, True)],
)
def test_a_request_is_notable_that_failed_or_was_slow(status: int, seconds: float, notable: bool) -> None:
    assert RequestLog().is_notable(status, seconds) is notable


def test_none_is_slow_where_that_is_set_so() -> None:
    log = RequestLog(0.0)
    assert not log.is_notable(200, 3600.0)
    assert log.is_notable(503, 0.0)


async def test_what_may_take_long_is_not_slow_but_may_fail(written: Written) -> None:
    log, stream = RequestLog(), request()
    stream.slot = object()  # type: ignore[assignment]
    log.write(stream, response(200), None, 20.0, Spent())
    assert written.lines == []
    log.write(stream, response(502), None, 20.0, Spent())
    assert [line["status"] for line in written.lines] == [502]


async def test_past_so_many_lines_they_are_counted_and_one_says_how_many(written: Written) -> None:
    now = 0.0
    log = RequestLog(clock=lambda: now)
    for _ in range(LINES + 3):
        log.write(request(), response(503), "overloaded", 0.1, Spent())
    log.write(request(), response(200), None, 2.0, Spent())
    log.write(request(), response(500), None, 2.0, Spent())
    log.leave_out("overloaded")
    assert len(written.lines) == LINES
    log.flush()
    *_, last = written.lines
    assert last["message"] == "requests that failed or were slow have no line"
    assert (last["count"], last["codes"]) == (6, {"overloaded": 4, "slow": 1, OTHER: 1})
    log.flush()
    assert len(written.lines) == LINES + 1
    now = WINDOW
    log.write(request(), response(503), "overloaded", 0.1, Spent())
    assert len(written.lines) == LINES + 2


@in_virtual_time
async def left_out(written: Written) -> None:
    log = RequestLog()
    log.leave_out("overloaded")
    log.leave_out("overloaded")
    await pass_time(WINDOW)


def test_what_is_left_out_is_said_soon_after(written: Written) -> None:
    left_out(written)
    assert [(line["count"], line["codes"]) for line in written.lines] == [(2, {"overloaded": 2})]


async def test_there_is_a_bound_on_the_reasons_that_are_counted(written: Written) -> None:
    log = RequestLog()
    for number in range(MOST_REASONS + 5):
        log.leave_out(f"code{number}")
    log.flush()
    assert written.lines[0]["codes"][OTHER] == 5
    assert len(written.lines[0]["codes"]) == MOST_REASONS + 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"code": "unavailable"}', "unavailable"),
        (b'{"code": "ana@example.com"}', None),
        (b'{"code": 7}', None),
        (b'["unavailable"]', None),
        (b"<html>", None),
        (b"\xff", None),
        (b'{"code": "' + b"x" * 65 + b'"}', None),
        (b'{"code": "x", "more": "' + b"x" * 70_000 + b'"}', None),
    ],
)
def test_only_a_code_of_ours_is_taken_from_a_body(body: bytes, code: str | None) -> None:
    assert code_of(ResponseBytes(503, b"", body)) == code
    assert code_of(ResponseBytes(200, b"", body)) is None


def test_time_is_added_to_the_request_that_is_answered_and_to_none_otherwise() -> None:
    spend("database", 0.0)
    spent = Spent()
    token = current_spent.set(spent)
    spend("database", 0.0)
    once = spent["database"]
    spend("database", 0.0)
    current_spent.reset(token)
    assert spent["database"] > 1.9 * once > 0
