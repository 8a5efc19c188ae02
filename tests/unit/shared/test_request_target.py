"""What a request target may be; everything else is refused before anybody acts on it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadRequest
from shared.http.request_target import checked_host, read_target

REFUSED = [
    "http://evil.example/api/v1/training/courses",
    "//evil.example/api/v1/training/courses",
    "*",
    "",
    "api/v1",
    "/api//v1",
    "/api/v1/./x",
    "/api/v1/..",
    "/api/../internal/x",
    "/api/%2e%2e/internal",
    "/api/%2E./internal",
    "/api/.%2e/internal",
    "/a%2Fb",
    "/a%2fb",
    "/a%5Cb",
    "/a\\b",
    "/a%00b",
    "/a%0d%0aHost:x",
    "/a%7f",
    "/a%252e%252e",
    "/a%25",
    "/a%",
    "/a%4",
    "/a%zz",
    "/a%C3%A9",
    "/caf\u00e9",
    "/a\udcff",
    "/a b",
    "/a\tb",
    "/a#b",
    "/a?b#c",
    "/a?b c",
    "/a?\x00",
    "/a?\u00e9",
]


@pytest.mark.parametrize("raw", REFUSED)
def test_a_target_that_could_be_read_in_two_ways_is_refused(raw: str) -> None:
    with pytest.raises(BadRequest):
        read_target(raw)


@pytest.mark.parametrize(
    ("raw", "path", "query"),
    [
        ("/", "/", ""),
        ("/api/v1/training/courses", "/api/v1/training/courses", ""),
        ("/a/%41~b;c=1,2@x:y/", "/a/%41~b;c=1,2@x:y/", ""),
        ("/a/...", "/a/...", ""),
        ("/a?search=%C3%A9%2F..%00&x[]=1", "/a", "search=%C3%A9%2F..%00&x[]=1"),
        ("/a?b?c=//x", "/a", "b?c=//x"),
    ],
)
def test_a_plain_target_stays_as_it_came(raw: str, path: str, query: str) -> None:
    target = read_target(raw)
    assert (target.path, target.query, target.raw) == (path, query, raw)


@given(st.text(alphabet="/.%2eEfF5cC0a?#\\ \u00e9", max_size=14))
def test_whatever_passes_means_the_same_decoded(text: str) -> None:
    try:
        target = read_target("/" + text)
    except BadRequest:
        return
    segments = target.path.split("/")[1:]
    assert all(segment not in (".", "..") for segment in segments)
    assert not any(bad in target.path.lower() for bad in ("%2f", "%5c", "%25", "%00", "\\", "//"))


@pytest.mark.parametrize("host", ["muster.example", "127.0.0.1:8000", "[::1]:8000", "[::1]", "a_b-c.example:1"])
def test_a_host_is_a_name_or_an_address_with_a_port(host: str) -> None:
    assert checked_host([host]) == host


@pytest.mark.parametrize(
    "hosts", [[], [""], ["a", "b"], ["a/b"], ["user@a"], ["a b"], ["a\r\nX: y"], ["a:b"], ["a\n"], ["<script>"]]
)
def test_nothing_else_is_a_host(hosts: list[str]) -> None:
    with pytest.raises(BadRequest):
        checked_host(hosts)
