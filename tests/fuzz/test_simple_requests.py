"""A simple request is one to llhttp too, and llhttp reads the same in it."""

import re
from dataclasses import dataclass, field

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.request import Request
from shared.http.server import simple_request
from shared.http.server.simple_request import SimpleRequestParser
from tests.fuzz.effort import examples
from tests.fuzz.mutation import mutated_bytes
from tests.fuzz.test_controls import is_reached

READ = b"GET /api/v1/training/courses?page=2 HTTP/1.1\r\nHost: muster.example\r\nAuthorization: Bearer a.b.c\r\n"
CHANGE = (
    b"POST /api/v1/training/enrollments HTTP/1.1\r\nHost: muster.example\r\nContent-Type: application/json\r\n"
    b'Content-Length: 19\r\n\r\n{"session_id": 1001'
)
SECOND = b"GET /x HTTP/1.1\r\nHost: other\r\n\r\n"
LINES = [
    b"Content-Length: 0\r\n", b"Content-Length: 4\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n",
    b"Connection: keep-alive\r\n", b"Host: other\r\n", b"X-Note: a\r\n", b" folded\r\n", b"Expect: 100-continue\r\n",
    b"Upgrade: h2c\r\n", b"host : x\r\n", b"Accept:\r\n", b"X-Request-Deadline: 9\r\n", b"X-Request-Id: 1\r\n",
]  # fmt: skip
LAST = b"X-Request-Id: 7\r\ntraceparent: 00-%b-%b-01\r\nX-Request-Deadline: 9990\r\n" % (b"1" * 32, b"2" * 16)
"""With which a gateway's requests end."""
LAST_WITH_STATE = LAST.replace(b"X-Request-Deadline", b"tracestate: a=1,b@c=x y\r\nX-Request-Deadline")
REQUESTS = st.one_of(
    st.lists(st.sampled_from(LINES), max_size=3).map(lambda lines: READ + b"".join(lines) + b"\r\n"),
    st.lists(st.sampled_from(LINES), max_size=2).map(lambda lines: READ + b"".join(lines) + LAST + b"\r\n"),
    st.sampled_from([READ + LAST_WITH_STATE + b"\r\n", READ.replace(b"GET", b"OPTIONS") + LAST_WITH_STATE + b"\r\n"]),
    st.sampled_from([READ.replace(b"GET", b"POST") + LAST + b"Content-Length: 2\r\n\r\n{}"]),
    st.sampled_from([CHANGE, CHANGE + SECOND, READ + b"\r\n" + SECOND, READ]),
)


@dataclass
class Heard:
    """What llhttp makes of the same bytes."""

    target: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    ended: int = 0

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.ended += 1


@pytest.mark.parametrize("remembered", [0, 1000], ids=["each anew", "remembered"])
@examples
@given(mutated_bytes(REQUESTS))
def test_a_simple_request_is_read_alike_by_llhttp(remembered: int, data: bytes) -> None:
    parser = SimpleRequestParser(remembered)
    for _ in range(2):
        read = parser.parse(data, "127.0.0.1")
        if read is not None:
            _check(read, data)


def _check(read: Request, data: bytes) -> None:
    heard = Heard()
    parser = httptools.HttpRequestParser(heard)
    parser.feed_data(data)
    assert heard.ended == 1
    method = "HEAD" if read.is_head else read.method
    assert (parser.get_method().decode(), parser.get_http_version()) == (method, "1.1")
    assert (heard.target.decode(), heard.body) == (read.target.raw, read.content)
    assert sorted(heard.headers) == sorted(_headers(read, heard))
    assert parser.should_keep_alive()
    assert not parser.should_upgrade()


def _headers(read: Request, heard: Heard) -> list[tuple[str, str]]:
    """All headers of the request: those that differ from request to request need not be among its `headers`."""
    headers = [(name.lower(), value) for name, value in read.headers.items()]
    if read.own is not read.head.own:
        headers += [("x-request-id", read.own.request_id), ("traceparent", read.own.traceparent)]
        headers += [("tracestate", value) for value in read.own.tracestates]
        headers += [("x-request-deadline", value) for value in read.own.deadlines]
        if "content-length" not in read.headers and "content-length" in dict(heard.headers):
            headers.append(("content-length", str(len(read.content))))
    return headers


@pytest.mark.parametrize(
    "sent",
    [
        READ + b"\r\n" + SECOND,
        READ,
        READ + b"Content-Length: 4\r\n\r\n",
        READ + b"Transfer-Encoding: chunked\r\n\r\n",
        READ + b"Connection: close\r\n\r\n",
        READ + b"Host: other\r\n\r\n",
        READ + b"X-Note: a\r\n folded\r\n\r\n",
        READ + b"host : x\r\n\r\n",
        READ + b"X-Note: a\r\nx-note: b\r\n\r\n",
        READ + b"x-request-id: a\r\n" + LAST + b"\r\n",
        READ + b"tracestate: a=1\r\n" + LAST + b"\r\n",
        READ + b"tracestate: a=1\r\n" + LAST_WITH_STATE + b"\r\n",
        READ + b"Content-Length: 0\r\n" + LAST + b"Content-Length: 0\r\n\r\n",
        READ + b"".join(b"X-Note-%d: x\r\n" % number for number in range(70)) + b"\r\n",
        READ.replace(b"1.1", b"1.0") + b"\r\n",
        READ.replace(b"Bearer ", b"Bearer \xc3\xa9") + b"\r\n",
        READ.replace(b"/courses", b"//courses") + b"\r\n",
        CHANGE + SECOND,
        CHANGE[:-1],
    ],
)
def test_what_is_less_more_or_anything_else_is_left_to_the_standard_path(sent: bytes) -> None:
    assert SimpleRequestParser().parse(sent, "") is None


def test_control_simple_requests_are_drawn_and_others_too() -> None:
    is_reached(mutated_bytes(REQUESTS), lambda data: SimpleRequestParser().parse(data, "") is not None)
    is_reached(mutated_bytes(REQUESTS), lambda data: SimpleRequestParser().parse(data, "") is None)


@pytest.mark.parametrize(
    ("guard", "instead"), [("_NOT_SIMPLE", frozenset()), ("_HEADER_LINES", re.compile(rb"(?s).*"))]
)
def test_control_without_a_guard_the_readings_differ(
    monkeypatch: pytest.MonkeyPatch, guard: str, instead: object
) -> None:
    monkeypatch.setattr(simple_request, guard, instead)

    def differs(data: bytes) -> bool:
        try:
            read = SimpleRequestParser().parse(data, "")
            if read is not None:
                _check(read, data)
        except (AssertionError, ValueError, httptools.HttpParserError, httptools.HttpParserUpgrade):
            return True
        return False

    is_reached(mutated_bytes(REQUESTS), differs)
