"""Header fields: identity that a client claims, fields that no parser may bend, and sizes (RFC 9110, RFC 9112)."""

from collections.abc import Iterator

from tests.security.corpus import (
    AUTHORIZED,
    COURSES,
    HEAD_TOO_LARGE,
    HOST,
    MALFORMED,
    NO_TOKEN,
    NOT_FOUND,
    NOT_HTTP,
    OK,
    Case,
    Expected,
    Family,
    get,
    head,
    invalid,
    send,
)

THEIRS = f"{COURSES}/<their course>"
CLAIMED = [
    "X-User: 1",
    "X-User-Id: 1",
    "X-Organisation-Id: <their organisation>",
    "x-organisation-id: <their organisation>",
    "X-ORGANISATION-ID: <their organisation>",
    "X_Organisation_Id: <their organisation>",
    "X-Organization-Id: <their organisation>",
    "X-Organisation: <their organisation>",
    "X-Tenant-Id: <their organisation>",
    "Organisation-Id: <their organisation>",
    "Organisationid: <their organisation>",
    "X-Internal-Token: <token>",
    "X_Internal_Token: <token>",
    "X-Internal-Organisation: <their organisation>",
    "X-Internal: 1",
    "X-Permissions: internal.call",
    "X-Roles: Admin",
    "X-Employee-Id: <their person>",
    "X-Forwarded-User: admin",
    "X-Remote-User: admin",
    "Remote-User: admin",
    "X-Original-Url: /internal/sessions/<their session>",
    "X-Rewrite-Url: /internal/sessions/<their session>",
    "X-Http-Method-Override: DELETE",
    "X-Method-Override: DELETE",
    "Forwarded: for=127.0.0.1;host=internal",
    "X-Forwarded-For: 127.0.0.1",
    "X-Real-Ip: 127.0.0.1",
    "X-Forwarded-Prefix: /internal",
    "Via: 1.1 gateway",
    "Cookie: organisation=<their organisation>; session=1",
    "From: admin@example.com",
]
"""Who asks is what the token says: with each of these another organisation's course stays one that does not exist."""


def claimed() -> Iterator[Case]:
    for line in CLAIMED:
        yield Case(f"claims {line}", get(THEIRS, line), NOT_FOUND)
        name = line.partition(":")[0]
        yield Case(f"claims {name} twice", get(THEIRS, line, f"{name}: <organisation>"), NOT_FOUND)


def line(name: str, *lines: str, expected: Expected = NOT_HTTP) -> Case:
    return Case(f"line {name}", get(COURSES, *lines), expected)


LINES = [
    line("without a colon", "X-Note"),
    line("without a name", ": x"),
    line("a blank before the colon", "X-Note : x"),
    line("a tab before the colon", "X-Note\t: x"),
    line("a blank in the name", "X Note: x"),
    line("a bracket in the name", "X(Note): x"),
    line("a slash in the name", "X/Note: x"),
    line("a quote in the name", 'X"Note: x'),
    line("an accent in the name", "X-N\xf6te: x"),
    line("NUL in the name", "X-\0Note: x"),
    line("NUL in the value", "X-Note: a\0b"),
    line("a control byte in the value", "X-Note: a\x01b"),
    line("delete in the value", "X-Note: a\x7fb"),
    line("a bare CR in the value", "X-Note: a\rb"),
    line("a bare LF in the value", "X-Note: a\nX-Other: b"),
    line("CR CR LF", "X-Note: a\r"),
    line("folded with a blank", "X-Note: a", " b"),
    line("folded with a tab", "X-Note: a", "\tb"),
    line("a fold first", " X-Note: a"),
    line("a bare LF that hides Authorization", f"X-Note: a\n{AUTHORIZED}"),
    line("bytes above ASCII in a value nobody reads", "X-Note: \xff\xfe", expected=OK),
    line("a tab in the value", "X-Note: a\tb", expected=OK),
    line("an empty value", "X-Note:", expected=OK),
    line("8,100 bytes", "X-Note: " + "x" * 8100, expected=OK),
    line("8,200 bytes", "X-Note: " + "x" * 8200, expected=HEAD_TOO_LARGE),
    line("a name of 8,200 bytes", "X-" + "x" * 8200 + ": x", expected=HEAD_TOO_LARGE),
    line("3 of 8,100 bytes", *(f"X-Note-{number}: {'x' * 8100}" for number in range(3)), expected=OK),
    line("60 of 8,100 bytes", *(f"X-Note-{number}: {'x' * 8100}" for number in range(60)), expected=HEAD_TOO_LARGE),
    line("60 of them", *(f"X-Note-{number}: x" for number in range(60)), expected=OK),
    line("65 of them", *(f"X-Note-{number}: x" for number in range(65)), expected=HEAD_TOO_LARGE),
    line("1,000 of them", *(f"X-Note-{number}: x" for number in range(1000)), expected=HEAD_TOO_LARGE),
    line("one name 65 times", *("Accept: */*" for _ in range(65)), expected=HEAD_TOO_LARGE),
    line("Content-Type twice", "Content-Type: application/json", "Content-Type: text/plain"),
    line("Sec-WebSocket-Key1", "Sec-WebSocket-Key1: x"),
]


def host(name: str, *lines: str, expected: Expected = MALFORMED, version: str = "HTTP/1.1") -> Case:
    return Case(f"host {name}", head(f"GET {COURSES} {version}", *lines, AUTHORIZED), expected)


_AND_CLOSES = Expected(400, "bad_request", closes=True)
HOSTS = [
    host("absent", expected=NOT_HTTP),
    host("twice", HOST, "Host: other.example", expected=NOT_HTTP),
    host("twice the same", HOST, HOST, expected=NOT_HTTP),
    host("empty", "Host:"),
    host("with a path", "Host: muster.example/x"),
    host("with a user", "Host: user@muster.example"),
    host("with a blank", "Host: muster.example evil.example"),
    host("two in one", "Host: muster.example, evil.example"),
    host("with a scheme", "Host: http://muster.example"),
    host("with markup", "Host: <script>"),
    host("with a quote", 'Host: "muster"'),
    host("with a port that is none", "Host: muster.example:http"),
    host("with a port too long", "Host: muster.example:123456"),
    host("with two ports", "Host: muster.example:1:2"),
    host("an open bracket", "Host: [::1"),
    host("above ASCII", "Host: m\xfcster.example"),
    host("300 characters", "Host: " + "x" * 300),
    host("escaped", "Host: muster%2eexample"),
    host("an address", "Host: [::1]:8000", expected=OK),
    host("absent in HTTP/1.0", version="HTTP/1.0", expected=Expected(200, closes=True)),
    host("empty in HTTP/1.0", "Host:", version="HTTP/1.0", expected=_AND_CLOSES),
    host("absent, and X-Forwarded-Host", "X-Forwarded-Host: muster.example", expected=NOT_HTTP),
]

HOP_BY_HOP = [
    Case("Connection lists Authorization", get(COURSES, "Connection: keep-alive, Authorization"), OK),
    Case(
        "Connection lists X-Request-Id",
        get(COURSES, "Connection: X-Request-Id", "X-Request-Id: request-0001"),
        Expected(200, headers={"x-request-id": "request-0001"}),
    ),
    Case("Connection lists Host", get(COURSES, "Connection: Host"), OK),
    Case("Connection lists Content-Length", get(COURSES, "Connection: Content-Length"), OK),
    Case("Connection lists a thousand names", get(COURSES, "Connection: " + ",".join(["x"] * 1000)), OK),
    Case("Connection with garbage", get(COURSES, "Connection: \xff, ,;="), OK),
    Case("Connection close", get(COURSES, "Connection: close"), Expected(200, closes=True)),
    Case("Upgrade to WebSocket", get(COURSES, "Connection: Upgrade", "Upgrade: websocket"), OK),
    Case(
        "Upgrade to HTTP/2",
        get(COURSES, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAM"),
        OK,
    ),
    Case("Upgrade without Connection", get(COURSES, "Upgrade: websocket"), OK),
    Case("TE trailers", get(COURSES, "TE: trailers"), OK),
    Case("Keep-Alive", get(COURSES, "Keep-Alive: timeout=999999"), OK),
    Case("Max-Forwards", get(COURSES, "Max-Forwards: 0"), OK),
    Case("Expect something", get(COURSES, "Expect: the-unexpected"), MALFORMED),
    Case("Expect something where nothing is", get("/nothing", "Expect: the-unexpected"), MALFORMED),
    Case("Expect and no token", get(COURSES, "Expect: 100-continue").replace("Authorization", "X-Note"), NO_TOKEN),
    Case("Range", get(COURSES, "Range: bytes=0-1"), OK),
    Case("Accept of something else", get(COURSES, "Accept: application/xml"), OK),
    *(
        Case(f"Accept {accept[:40]}", get(f"{COURSES}?page=x", f"Accept: {accept}"), invalid("page"))
        for accept in (
            "application/problem+json;q=1e9",
            "application/problem+json;q=-0",
            'text/plain;x=",application/problem+json,"',
            "application/problem+json\t;q=0",
            "," * 4000,
            ";q=0.5" * 1000,
            '"' * 4001,
            'a;b="' + "\\\\" * 3000,
        )
    ),
    Case("Accept-Encoding of everything", get(COURSES, "Accept-Encoding: gzip, br, zstd, *;q=0"), OK),
]


def request_id(name: str, *values: str) -> Case:
    return Case(f"request id {name}", get(COURSES, *(f"X-Request-Id: {value}" for value in values)), OK)


def keyed(name: str, *keys: str) -> Case:
    lines = [f"Idempotency-Key: {key}" for key in keys]
    return Case(f"key {name}", send("POST", COURSES, GOOD_COURSE, *lines), invalid("Idempotency-Key"))


GOOD_COURSE = '{"title": "Ladders", "category": "safety", "delivery_mode": "online", "duration_hours": 1}'
_FAILED = Expected(412, "precondition_failed")


def if_match(name: str, *values: str, expected: Expected = _FAILED, direct: Expected | None = None) -> Case:
    """A change of a row that is there, from a version that is not its own."""
    lines = [f"If-Match: {value}" for value in values]
    change = send("PATCH", f"{COURSES}/<course>", '{"title": "Changed"}', *lines)
    return Case(f"If-Match {name}", change, expected, direct)


VALUES = [
    request_id("too short", "x"),
    request_id("too long", "x" * 129),
    request_id("with a blank", "request 0001"),
    request_id("with a quote", "request\"0001'"),
    request_id("above ASCII", "request-\xe9\xe9"),
    request_id("twice", "request-0001", "request-0002"),
    request_id("SQL", "'; DROP TABLE courses; --"),
    keyed("empty", ""),
    keyed("twice", "a", "b"),
    keyed("256 characters", "k" * 256),
    keyed("above ASCII", "cl\xc3\xa9"),
    keyed("with a tab", "a\tb"),
    Case(
        "key that is no UTF-8",
        send("POST", COURSES, GOOD_COURSE, "Idempotency-Key: \xff"),
        MALFORMED,
        invalid("Idempotency-Key"),
    ),
    if_match("of nobody", '"999-00000000"'),
    if_match("weak", 'W/"1-00000000"'),
    if_match("without quotes", "1-00000000"),
    if_match("empty", ""),
    if_match("an open quote", '"1-00000000'),
    if_match("version 0", '"0-00000000"'),
    if_match("with a sign", '"+1-00000000"'),
    if_match("with zeros", '"01-00000000"'),
    if_match("a star among others", '*, "999-00000000"'),
    if_match("two stars", "*", "*"),
    if_match("SQL", "\"1-00000000' OR '1'='1\""),
    if_match("a number too large", '"99999999999999999999-00000000"'),
    if_match("no UTF-8", '"\xff"', expected=MALFORMED, direct=_FAILED),
    if_match("a thousand", ", ".join(['"999-00000000"'] * 400)),
]

FAMILY = Family("headers", [*claimed(), *LINES, *HOSTS, *HOP_BY_HOP, *VALUES], 150)
