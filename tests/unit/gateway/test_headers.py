"""Which headers pass, in either direction."""

import pytest

from gateway.upstream.headers import _LINES, _REMEMBERED_BYTES, _REMEMBERED_LINES, answered, answered_lines, forwarded
from shared.errors import BadRequest

IDENTITY = [
    "Authorization",
    "X-User",
    "X-User-Id",
    "x_user_id",
    "X-Organisation-Id",
    "X_Organisation_Id",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "x_forwarded_host",
    "Forwarded",
    "X-Internal-Token",
    "X-Real-IP",
    "Cookie",
    "traceparent",
    "X-Request-Id",
    "X-Request-Deadline",
    "Host",
]
HOP_BY_HOP = ["Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy-Authorization"]


@pytest.mark.parametrize("name", [*IDENTITY, *HOP_BY_HOP])
@pytest.mark.parametrize("change", [str, str.lower, str.upper])
def test_no_identity_and_no_hop_by_hop_header_passes_in_any_case(name: str, change: type[str]) -> None:
    assert forwarded([(change(name), "x"), ("Accept", "*/*")]) == [("Accept", "*/*")]


def test_what_a_service_needs_passes_in_order_and_with_repetitions() -> None:
    sent = [("if-match", '"1"'), ("Idempotency-Key", "k"), ("Accept", "a"), ("Accept", "b")]
    assert forwarded(sent) == sent


def test_what_connection_lists_stays_behind() -> None:
    sent = [
        ("Connection", "close, Idempotency-Key"),
        ("Idempotency-Key", "k"),
        ("connection", "IF-MATCH"),
        ("If-Match", "x"),
    ]
    assert forwarded(sent) == []


def test_a_value_that_is_no_text_is_refused() -> None:
    assert forwarded([("Idempotency-Key", "caf\u00e9")])
    with pytest.raises(BadRequest):
        forwarded([("Idempotency-Key", "caf\udce9")])


def test_an_answer_keeps_its_own_headers_alone() -> None:
    received = [
        (b"Content-Type", b"application/json"),
        (b"ETag", b'"1"'),
        (b"Server", b"x"),
        (b"Date", b"x"),
        (b"Content-Length", b"3"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Connection", b"X-Secret"),
        (b"X-Secret", b"x"),
        (b"Link", b"a"),
        (b"Link", b"b"),
    ]
    passing = [(b"Content-Type", b"application/json"), (b"ETag", b'"1"'), (b"Link", b"a"), (b"Link", b"b")]
    assert answered(received) == passing
    assert answered_lines(received) == b"".join(b"%b: %b\r\n" % header for header in passing)


def test_lines_are_those_of_the_headers_however_often_and_in_whatever_spelling() -> None:
    received = [
        (b"content-TYPE", b"application/json"),
        (b"DATE", b"x"),
        (b"Date", b"y"),
        (b"ETag", b'"1"'),
        (b"X-Empty", b""),
    ]
    for _ in range(3):
        assert answered_lines(received) == b'content-TYPE: application/json\r\nETag: "1"\r\nX-Empty: \r\n'


def test_lines_that_are_remembered_have_a_bound() -> None:
    for number in range(3 * _REMEMBERED_LINES):
        answered_lines([(b"ETag", b"%d" % number), (b"X-Long", b"x" * 10_000 + b"%d" % number)])
    assert len(_LINES) <= _REMEMBERED_LINES
    assert max(len(line) for line in _LINES.values()) <= _REMEMBERED_BYTES + len(b": \r\n")
