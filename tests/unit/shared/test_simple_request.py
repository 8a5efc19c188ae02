"""Header lines that a client sends again and again are parsed once, and only those."""

import pytest

from gateway.upstream.headers import identity, lines
from gateway.upstream.proxy import UpstreamRequest
from shared.http.request import Head
from shared.http.server.simple_request import SimpleRequestParser
from shared.observability import new_traceparent, trace_from

TOKEN = "Authorization: Bearer a.b.c\r\n"
TRACE = f"X-Request-Id: of-the-first\r\ntraceparent: {trace_from('', '').traceparent}\r\n"
DEADLINE = "X-Request-Deadline: 9990\r\n"
LENGTH = "Content-Length: 2\r\n"


def sent(headers: str, body: str = "", method: str = "POST") -> bytes:
    return f"{method} /x HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}".encode()


def of_the_gateway(method: str, body: bytes = b"", state: str = "") -> bytes:
    """As a gateway sends one request of one client."""
    own = identity("a.b.c", trace_from("", new_traceparent(), [state]), "http", "muster.example")
    return UpstreamRequest(method, "/x", lines([("Accept", "*/*")]) + own, body).message("127.0.0.1:1", 9.0)


def test_requests_that_a_gateway_sends_for_one_client_share_their_head() -> None:
    parser = SimpleRequestParser()
    requests = [parser.parse(of_the_gateway(*asked), "") for asked in (("GET",), ("GET",), ("POST", b"{}"))]
    first, second, change = [request for request in requests if request is not None]
    assert first.head is second.head is change.head
    assert first.own.request_id != second.own.request_id
    assert len(first.own.deadlines) == 1
    assert change.content == b"{}"


def test_the_state_of_a_trace_is_none_of_a_clients_head() -> None:
    parser = SimpleRequestParser()
    requests = [parser.parse(of_the_gateway("GET", state=state), "") for state in ("a=1", "", "a=2,b=x y")]
    first, second, third = [request for request in requests if request is not None]
    assert first.head is second.head is third.head
    assert [list(each.own.tracestates) for each in (first, second, third)] == [["a=1"], [], ["a=2,b=x y"]]
    assert len(third.own.deadlines) == 1


def test_a_client_that_names_its_requests_elsewhere_is_not_remembered() -> None:
    parser = SimpleRequestParser()
    requests = [parser.parse(sent(f"{TRACE}{DEADLINE}Authorization: Bearer {token}\r\n"), "") for token in ("a", "b")]
    first, second = [request for request in requests if request is not None]
    assert (first.headers["Authorization"], second.headers["Authorization"]) == ("Bearer a", "Bearer b")
    assert first.own.request_id == "of-the-first"
    assert list(first.own.deadlines) == ["9990"]


@pytest.mark.parametrize(
    "headers",
    [
        DEADLINE + TOKEN + TRACE + DEADLINE,
        TRACE + TOKEN + TRACE,
        "X-Request-Id: another\r\n" + TOKEN + TRACE,
        "traceparent: another\r\n" + TOKEN + TRACE,
        LENGTH + TOKEN + TRACE + LENGTH,
        TOKEN + TRACE + LENGTH + LENGTH,
    ],
)
def test_a_header_given_twice_is_left_to_the_standard_path(headers: str) -> None:
    assert SimpleRequestParser().parse(sent(headers, "{}"), "") is None


@pytest.mark.parametrize("body", ["", "{", "{ }"])
def test_a_body_of_another_length_is_left_to_the_standard_path(body: str) -> None:
    assert SimpleRequestParser().parse(sent(TOKEN + TRACE + LENGTH, body), "") is None


def test_those_used_longest_ago_are_forgotten() -> None:
    parser = SimpleRequestParser(remembered=2)
    heads: dict[str, list[Head]] = {}
    for name in ("a", "b", "a", "c", "b", "a"):
        request = parser.parse(sent(f"X-Note: {name}\r\n"), "")
        assert request is not None
        heads.setdefault(name, []).append(request.head)
    assert heads["a"][0] is heads["a"][1]
    assert heads["b"][0] is not heads["b"][1]
