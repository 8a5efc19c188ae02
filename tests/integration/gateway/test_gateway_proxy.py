"""What goes through the gateway, in either direction, and what does not."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from multidict import CIMultiDict

from tests.integration.gateway.edge import LIMIT_HEADERS, Edge, StartGateway, Upstream, new_token
from tests.support.internal_keys import verifier

COURSES = "/api/v1/training/courses"
FORGED = {
    "X-User-Id": "1",
    "X_User_Id": "1",
    "X-Organisation-Id": "1",
    "X_Organisation": "1",
    "X-Forwarded-For": "10.0.0.1",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "gopher",
    "X_Forwarded_Host": "evil.example",
    "Forwarded": "for=10.0.0.1",
    "X-Internal-Token": "x",
    "X-Request-Deadline": "1",
    "X_Internal_Token": "x",
    "Cookie": "session=1",
    "Proxy-Authorization": "Basic eDp5",
    "Upgrade": "h2c",
    "TE": "trailers",
}


async def test_a_service_hears_who_asks_from_the_gateway_alone(
    edge: Edge, upstream: Upstream, organisation: int
) -> None:
    token = new_token(organisation, sub="ada", employee_id=42)
    answer = await edge.client(token).request("GET", COURSES, headers={**FORGED, "Accept": "application/json"})
    assert answer.status == 200
    (received,) = upstream.received
    names = {name.lower() for name, _ in received.headers}
    assert names == {
        "host", "accept", "accept-encoding", "authorization",
        "x-request-id", "traceparent", "x-forwarded-host", "x-forwarded-proto", "x-request-deadline",
    }  # fmt: skip
    headers = CIMultiDict(received.headers)
    caller = verifier("catalog").verify(headers["Authorization"].removeprefix("Bearer "))
    assert (caller.organisation_id, caller.subject, caller.employee_id) == (organisation, "ada", 42)
    assert headers["X-Forwarded-Host"] == edge.url.removeprefix("http://")
    assert headers["X-Forwarded-Proto"] == "http"
    assert headers["X-Request-Id"] == answer.headers["X-Request-Id"]


async def test_the_public_address_is_a_setting(start_gateway: StartGateway, upstream: Upstream, token: str) -> None:
    edge = await start_gateway(public_url="https://muster.example/")
    await edge.client(token).get(COURSES)
    headers = CIMultiDict(upstream.received[0].headers)
    assert (headers["X-Forwarded-Proto"], headers["X-Forwarded-Host"]) == ("https", "muster.example")


async def test_a_host_that_is_none_is_refused(edge: Edge, upstream: Upstream, token: str) -> None:
    status, _ = await edge.send(f"GET {COURSES} HTTP/1.1\r\nHost: evil/../x", token=token)
    assert status == 400
    assert upstream.received == []


@pytest.mark.parametrize(
    "target",
    [
        COURSES,
        f"{COURSES}?search=%2e%2e%2F&x[]=1&y='a'",
        f"{COURSES}?a=b?c//d",
        f"{COURSES}/%35",
        f"{COURSES}/a:b;c@d,e",
    ],
)
async def test_a_target_arrives_byte_for_byte(edge: Edge, upstream: Upstream, token: str, target: str) -> None:
    status, _ = await edge.send(f"GET {target} HTTP/1.1", token=token)
    assert status == 200
    assert [received.target for received in upstream.received] == [target]


@pytest.mark.parametrize(
    "target",
    [
        "/internal/sessions/5",
        "/health/../internal/x",
        "/api/v1/training/courses/../../../../internal/x",
        "/api/v1/training/courses/%2e%2e/%2e%2e/internal",
        "/api/v1/training/courses/..%2f..%2finternal",
        "/api/v1/training/courses/%252e%252e",
        "/api/v1/training/courses/..%5c",
        "/api/v1/training/courses/%00",
        "/api/v1/training/courses//x",
        "//127.0.0.1/api/v1/training/courses",
        "http://127.0.0.1/api/v1/training/courses",
        "/api/v1/training/courses#x",
        "/api/v1/training/courses\u00e9",
        "*",
    ],
)
async def test_no_other_target_reaches_a_service(edge: Edge, upstream: Upstream, token: str, target: str) -> None:
    status, _ = await edge.send(f"GET {target} HTTP/1.1", token=token)
    assert status in (400, 404)
    assert upstream.received == []


async def test_health_is_the_gateways_own(edge: Edge, upstream: Upstream) -> None:
    assert (await edge.client().get("/health/ready")).status == 200
    assert upstream.received == []


async def test_a_path_nobody_answers_asks_for_no_token(edge: Edge) -> None:
    answer = await edge.client().get("/api/v1/nothing")
    assert (answer.status, answer.json["code"]) == (404, "not_found")


async def test_without_api_access_nothing_opens(edge: Edge, upstream: Upstream, organisation: int) -> None:
    answer = await edge.client(new_token(organisation, permissions=["training.view"])).get(COURSES)
    assert (answer.status, answer.json["code"]) == (403, "permission_denied")
    assert "api.access" in answer.json["message"]
    assert set(answer.headers) >= LIMIT_HEADERS
    assert upstream.received == []


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("", "token_missing"),
        ("Authorization: Basic eDp5", "token_missing"),
        ("Authorization: Bearer x.y.z", "token_invalid"),
        ("Authorization: Bearer \xff\xfe", "token_invalid"),
        ("Authorization: Bearer x\r\nAuthorization: Bearer y", "token_invalid"),
    ],
)
async def test_no_good_token_no_entry(edge: Edge, upstream: Upstream, lines: str, code: str) -> None:
    status, answer = await edge.send(f"GET {COURSES} HTTP/1.1" + (f"\r\n{lines}" if lines else ""))
    assert status == 401
    assert f'"{code}"'.encode() in answer
    assert b"WWW-Authenticate: Bearer" in answer
    assert upstream.received == []


async def test_an_expired_token(edge: Edge, organisation: int) -> None:
    answer = await edge.client(new_token(organisation, iat=1, exp=1_000_000_000)).get(COURSES)
    assert (answer.status, answer.json["code"]) == (401, "token_expired")


async def test_a_header_that_is_no_text_is_refused(edge: Edge, upstream: Upstream, token: str) -> None:
    status, answer = await edge.send(f"GET {COURSES} HTTP/1.1\r\nIf-Match: \xff", token=token)
    assert status == 400
    assert b'"bad_request"' in answer
    assert upstream.received == []


async def test_an_answer_comes_back_as_it_was(edge: Edge, upstream: Upstream, token: str) -> None:
    body = b'{"a":1.10,  "b": "\xc3\xa9"}'

    async def answer(_: web.Request) -> web.Response:
        headers = [("ETag", '"1"'), ("Link", "a"), ("Link", "b"), ("Server", "x"), ("X-Request-Id", "other-request")]
        headers += [("Connection", "X-Hop"), ("X-Hop", "1"), ("X-RateLimit-Limit", "9")]
        return web.Response(status=201, body=body, headers=headers, content_type="application/json")

    upstream.answer = answer
    async with edge.http.post(edge.url + COURSES, headers={"Authorization": f"Bearer {token}"}) as got:
        assert (got.status, await got.read()) == (201, body)
        assert (got.headers["ETag"], got.headers.getall("Link")) == ('"1"', ["a", "b"])
        assert got.headers.getall("X-Request-Id") != ["other-request"]
        assert len(got.headers.getall("X-RateLimit-Limit")) == 1
        assert got.headers["X-RateLimit-Limit"] != "9"
        assert not {"Server", "X-Hop"} & set(got.headers)
        assert set(got.headers) >= LIMIT_HEADERS


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("DELETE", 204), ("GET", 304)])
async def test_an_answer_without_a_body(edge: Edge, upstream: Upstream, token: str, method: str, status: int) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"ETag": '"1"'})

    upstream.answer = answer
    got = await edge.client(token).request(method, COURSES)
    assert (got.status, got.text, got.headers["ETag"]) == (status, "", '"1"')


async def test_redirects_and_cookies_are_the_clients_affair(edge: Edge, upstream: Upstream, token: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"{COURSES}/1", "Set-Cookie": "a=b; Path=/"})

    upstream.answer = answer
    for _ in range(2):
        got = await edge.client(token).request("GET", COURSES, allow_redirects=False)
        assert (got.status, got.headers["Location"]) == (302, f"{COURSES}/1")
    assert [received.target for received in upstream.received] == [COURSES, COURSES]
    assert not any(name == "Cookie" for received in upstream.received for name, _ in received.headers)


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024])
async def test_a_body_arrives_byte_for_byte(edge: Edge, upstream: Upstream, token: str, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    assert (await edge.client(token).request("POST", COURSES, data=body)).status == 200
    assert [received.body for received in upstream.received] == [body]


async def test_a_body_that_announces_too_much_is_refused(edge: Edge, upstream: Upstream, token: str) -> None:
    status, answer = await edge.send(f"POST {COURSES} HTTP/1.1\r\nContent-Length: 1048577", token=token)
    assert status == 413
    assert b'"payload_too_large"' in answer
    assert b"X-RateLimit-Limit" in answer
    assert upstream.received == []


async def test_a_body_in_chunks_that_grows_too_large_is_refused(edge: Edge, upstream: Upstream, token: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield bytes(64 * 1024)

    answer = await edge.client(token).request("POST", COURSES, data=chunks())
    assert (answer.status, answer.json["code"]) == (413, "payload_too_large")
    assert upstream.received == []


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Content-Length: 10", b"x"),
        ("Transfer-Encoding: chunked", b"2\r\nxx\r\n"),
    ],
)
async def test_a_body_that_never_ends_is_given_up(
    edge: Edge, upstream: Upstream, token: str, monkeypatch: pytest.MonkeyPatch, framing: str, body: bytes
) -> None:
    monkeypatch.setattr("shared.http.body.BODY_TIMEOUT", 0.05)
    status, answer = await edge.send(f"POST {COURSES} HTTP/1.1\r\n{framing}", token=token, body=body)
    assert (status, b'"request_timeout"' in answer) == (408, True)
    assert upstream.received == []


async def test_a_body_that_breaks_is_refused_at_once(edge: Edge, upstream: Upstream, token: str) -> None:
    head = f"POST {COURSES} HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue"
    status, answer = await edge.send(head, token=token, body=b"zz\r\nxx\r\n")
    assert (status, b'"bad_request"' in answer) == (400, True)
    assert upstream.received == []
