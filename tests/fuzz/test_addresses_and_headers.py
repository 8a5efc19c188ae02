"""Targets, hosts and header fields: declared refusals alone, and gateway and services read them alike."""

import re

from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.admission.gate import client_network
from gateway.routes import ROUTES, Router
from gateway.upstream.headers import HOP_BY_HOP, REQUEST_HEADERS, answered, forwarded
from shared.auth.internal_token import bearer_token
from shared.errors import BadRequest, PreconditionFailed, TokenInvalid, TokenMissing, ValidationFailed
from shared.http.conditional import Document, RowKey, read_conditions
from shared.http.idempotency_key import read_key
from shared.http.problem import prefers_problem
from shared.http.request import NO_OWN_FIELDS, Head, Headers, Request
from shared.http.request_target import checked_host, read_target
from shared.http.routing import Endpoint, RouteTable
from tests.fuzz.effort import examples
from tests.fuzz.mutation import mutated
from tests.support.services import DECLARED

TABLES = {name: service.routes for name, service in DECLARED.items()}
PATHS = sorted({route.path for table in TABLES.values() for route in table} | set(ROUTES))
TARGETS = st.sampled_from(PATHS).map(lambda path: path.replace("{id}", "17").replace("/**", "/5")) | st.sampled_from(
    ["/api/v1/training/courses?page=2&search=a%20b", "/health/live", "/", "/api/v1/auth/me"]
)
NAMES = st.sampled_from(
    [*sorted(REQUEST_HEADERS), *sorted(HOP_BY_HOP), "Authorization", "Host", "Cookie", "X-User-Id", "X-Organisation-Id",
     "X-Internal-Token", "X-Request-Id", "X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "traceparent", "Via"]
)  # fmt: skip
SPELLED = mutated(NAMES, most=1) | NAMES.flatmap(
    lambda name: st.sampled_from(
        [name.upper(), name.title(), name.replace("-", "_"), f"{name} ", f" {name}", f"{name}\0"]
    )
)
VALUES = mutated(
    st.sampled_from(["close", "Authorization, If-Match", "application/json", "*/*", '"1-0a1b2c3d"']), most=2
)
HEADERS = st.lists(st.tuples(SPELLED, VALUES), max_size=8)


APP = web.Application()
ROUTERS = {service: RouteTable([Endpoint(APP, route) for route in table]) for service, table in TABLES.items()}
NO_HEADERS: Headers = CIMultiDictProxy(CIMultiDict())
GATEWAY = Router()


@examples
@given(mutated(TARGETS))
def test_a_target_is_refused_or_stays_as_it_is(raw: str) -> None:
    try:
        target = read_target(raw)
    except BadRequest:
        return
    assert target.raw == raw.removesuffix("?") if raw.count("?") == 1 else target.raw == raw
    assert read_target(target.raw) == target
    assert raw.isascii()
    assert raw.isprintable()
    assert " " not in raw
    assert not re.search(r"(?i)//|/(\.|%2e){1,2}(/|$)|%(2f|5c|25|[01]|7f|[89a-f])", target.path)


@examples
@given(method=st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE"]), raw=mutated(TARGETS, most=2))
def test_what_the_gateway_routes_to_a_service_is_understood_there_as_it_was(method: str, raw: str) -> None:
    try:
        target = read_target(raw)
    except BadRequest:
        return
    upstream = GATEWAY.upstream_of(target.path)
    for service, router in ROUTERS.items():
        found = router.find(Request(method, target, Head(NO_HEADERS, NO_OWN_FIELDS), NO_HEADERS, NO_OWN_FIELDS, ""))
        if not isinstance(found, Endpoint) or upstream is None:
            continue
        path = found.route.path
        assert service == upstream, f"{service} would answer what goes to {upstream}"
        assert re.fullmatch("[^/]+".join(map(re.escape, path.split("{id}"))), target.path), (path, target.path)
        assert not path.startswith("/internal/")


@examples
@given(HEADERS)
def test_no_identity_and_no_hop_by_hop_header_is_forwarded(sent: list[tuple[str, str]]) -> None:
    try:
        passing = forwarded(sent)
    except BadRequest:
        return
    listed = {
        option.strip().lower() for name, value in sent if name.lower() == "connection" for option in value.split(",")
    }
    names = {name.lower() for name, _ in passing}
    assert names <= REQUEST_HEADERS - listed - HOP_BY_HOP
    assert not any(name.startswith("x-") or name in ("authorization", "host", "cookie", "forwarded") for name in names)
    assert forwarded(passing) == passing
    assert [header for header in sent if header in passing] == passing or len(set(sent)) < len(sent)
    for _, value in passing:
        value.encode()


@examples
@given(HEADERS)
def test_no_hop_by_hop_header_of_an_answer_comes_back(received: list[tuple[str, str]]) -> None:
    raw = [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in received]
    names = {name.decode("latin-1").lower() for name, _ in answered(raw)}
    assert names.isdisjoint(HOP_BY_HOP | {"content-length", "date", "server", "x-request-id"})


@examples
@given(st.lists(mutated(st.sampled_from(["muster.example", "[::1]:8000", "127.0.0.1:80"])), max_size=2))
def test_a_host_is_one_that_links_can_be_built_on(hosts: list[str]) -> None:
    try:
        host = checked_host(hosts)
    except BadRequest:
        return
    assert hosts == [host]
    assert re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", host)


@examples
@given(st.lists(mutated(st.sampled_from(["Bearer abc.def.ghi", "bearer x", "Basic eDp5"])), max_size=2))
def test_a_bearer_token_is_there_or_missing_or_invalid(authorization: list[str]) -> None:
    try:
        token = bearer_token(authorization)
    except (TokenMissing, TokenInvalid):
        return
    assert token
    assert token == token.strip()
    assert authorization[0].strip().lower().startswith("bearer ")


@examples
@given(
    st.lists(mutated(st.sampled_from(["10.0.0.1", "::1", "::ffff:1.2.3.4", "2001:db8::1"]), most=2), max_size=3),
    st.integers(0, 3),
)
def test_a_client_has_some_network_whatever_is_forwarded(forwarded_for: list[str], trusted: int) -> None:
    assert client_network("192.0.2.1", forwarded_for, trusted)


_ROW = RowKey("course", 1, 17)
_TAG = st.sampled_from(
    [
        '"course-1-17-1-0a1b2c3d"',
        'W/"course-1-17-1-0a1b2c3d"',
        "*",
        '"course-1-17-2-00000000", "course-1-16-1-00000000"',
        '""',
    ]
)


@examples
@given(if_match=st.lists(mutated(_TAG), max_size=2), if_none_match=st.lists(mutated(_TAG), max_size=2))
def test_conditions_are_met_or_not(if_match: list[str], if_none_match: list[str]) -> None:
    conditions = read_conditions(if_match, if_none_match)
    assert (conditions.if_match is None, conditions.if_none_match is None) == (not if_match, not if_none_match)
    conditions.holds(Document(_ROW, 1, "{}"))
    try:
        conditions.check(_ROW, 1)
    except PreconditionFailed:
        return
    assert not if_match or "*" in if_match[0] or _ROW.tag(1) in ",".join(if_match)


@examples
@given(st.lists(mutated(st.sampled_from(["application/problem+json;q=0.5, */*", 'a;c="d,e";q=1.0', ""])), max_size=2))
def test_who_gets_problems_has_named_them(sent: list[str]) -> None:
    prefers = prefers_problem(CIMultiDictProxy(CIMultiDict([("Accept", value) for value in sent])))
    assert not prefers or "application/problem+json" in ",".join(sent).lower()


@examples
@given(st.lists(mutated(st.sampled_from(["k", "order-1", "a" * 255])), max_size=2))
def test_a_key_is_printable_or_refused(sent: list[str]) -> None:
    try:
        key = read_key(sent)
    except ValidationFailed:
        return
    assert (key is None) == (not sent)
    assert key is None or (1 <= len(key) <= 255 and key.isascii() and key.isprintable())
