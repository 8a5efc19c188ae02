"""The request line: targets that two readers could read differently, methods and versions (RFC 9112, section 3)."""

from tests.security.corpus import (
    AUTHORIZED,
    COURSES,
    EMPLOYEES,
    EMPTY,
    HOST,
    MALFORMED,
    NO_TOKEN,
    NOT_FOUND,
    NOT_HTTP,
    NOT_IMPLEMENTED,
    OK,
    TARGET_TOO_LONG,
    Case,
    Expected,
    Family,
    Service,
    get,
    head,
    invalid,
    send,
    wrong_method,
)

INTERNAL = "/internal/sessions/<their session>"


def target(
    raw: str, expected: Expected = MALFORMED, direct: Expected | None = None, service: Service = "catalog"
) -> Case:
    name = raw if len(raw) < 80 else f"{raw[:60]}… of {len(raw)}"
    return Case(f"target {name!r}", get(raw), expected, direct, service)


FORMS = [
    target("http://muster.example" + COURSES, OK),
    target("https://muster.example" + COURSES + "?page=1", OK),
    target("http://muster.example", OK, NOT_FOUND),
    target("http://muster.example?x=1", OK, NOT_FOUND),
    target("http://muster.example:80" + COURSES),
    target("http://muster.example@evil.example" + COURSES),
    target("http://evil.example/http://muster.example" + COURSES),
    target("ftp://muster.example" + COURSES),
    target("http://muster.example" + COURSES + "/../../internal"),
    target("http://muster.example//" + COURSES),
    Case("an absolute target without Host", head(f"GET http://muster.example{COURSES} HTTP/1.1", AUTHORIZED), NOT_HTTP),
    Case(
        "an absolute target without Host in HTTP/1.0",
        head(f"GET http://muster.example{COURSES} HTTP/1.0", AUTHORIZED),
        Expected(400, "bad_request", closes=True),
    ),
    target("http://127.0.0.1:1" + COURSES),
    target("https://user:pass@evil.example" + COURSES),
    target("HTTP://MUSTER.EXAMPLE" + COURSES, OK),
    target("//evil.example" + COURSES),
    target("///" + COURSES),
    target("*", NOT_HTTP),
    target("muster.example:80", NOT_HTTP),
    target("api/v1/training/courses", NOT_HTTP),
    target("?page=1", NOT_HTTP),
    target("#", NOT_HTTP),
    target("javascript:alert(1)", NOT_HTTP),
    target("file:///etc/passwd", NOT_HTTP),
    target("\\api\\v1", NOT_HTTP),
    target("/", OK, NOT_FOUND),
]

DOTS = [
    target(COURSES + written + INTERNAL)
    for written in (
        "/..",
        "/../..",
        "/.",
        "/./..",
        "/%2e%2e",
        "/%2E%2E",
        "/.%2e",
        "/%2e.",
        "/%2e",
        "/..%2f..",
        "/%2e%2e%2f",
        "/..%5c..",
        "/..\\..",
        "/%2e%2e%5c",
        "//..",
    )
]
DOTS.append(target(COURSES + "/..;" + INTERNAL, NOT_FOUND))

ENCODED = [
    target(COURSES.replace("/training", "%2Ftraining")),
    target(COURSES.replace("/training", "%2ftraining")),
    target(COURSES.replace("/training", "%5Ctraining")),
    target(COURSES + "/%00"),
    target(COURSES + "/1%00.json"),
    target(COURSES + "/1%0d%0aX-Note:%20x"),
    target(COURSES + "/%0a"),
    target(COURSES + "/%7f"),
    target(COURSES + "/%252e%252e"),
    target(COURSES + "/%2525"),
    target(COURSES + "/%25"),
    target(COURSES + "/%"),
    target(COURSES + "/%4"),
    target(COURSES + "/%zz"),
    target(COURSES + "/%u002e"),
    target(COURSES + "/%c0%ae%c0%ae"),
    target(COURSES + "/%c0%af"),
    target(COURSES + "/%e0%80%af"),
    target(COURSES + "/%ff"),
    target(COURSES + "/%C3%A9"),
    target(COURSES + "/caf\xc3\xa9", NOT_HTTP),
    target(COURSES + "/\xff", NOT_HTTP),
    target("/%61pi/v1/training/courses", NOT_FOUND, OK),
    target("/api/v1/training/cours%65s", NOT_FOUND, OK),
    target("/API/V1/TRAINING/COURSES", NOT_FOUND),
    target("/api/v1/training/courses%20", NOT_FOUND),
    target("/api/v1/training/courses;a=b", NOT_FOUND),
    target("/api/v1;a=b/training/courses", NOT_FOUND),
    target(COURSES + "/<course>;a=b", NOT_FOUND),
    target(COURSES + "/<course>.json", NOT_FOUND),
    target(COURSES + "/%20<course>", NOT_FOUND),
    target(COURSES + "/<course>%20", NOT_FOUND),
    target(COURSES + "/<course>'", NOT_FOUND),
    target(COURSES + "/<course>'%20OR%20'1'='1", NOT_FOUND),
    target(COURSES + "/", NOT_FOUND),
    target(COURSES + "/<course>/", NOT_FOUND),
    target(COURSES + "//<course>"),
    target(COURSES + "/<course>/more", NOT_FOUND),
    target("/api/v1//training/courses"),
    target(COURSES + "#fragment"),
    target(COURSES + "?page=1#fragment"),
    target(COURSES + "?search=a b", NOT_HTTP),
    target(COURSES + "?search=a\tb", NOT_HTTP),
    target(COURSES + "?search=\xe9", NOT_HTTP),
    target(COURSES + "?search=%ff", EMPTY),
    target(COURSES + "?search=%00", invalid("search")),
    target(COURSES + "?search=%ed%a0%80", EMPTY),
    target(COURSES + "?search=%252e", EMPTY),
    target(COURSES + "?search=" + "x" * 255, EMPTY),
    target(COURSES + "?search=" + "x" * 256, invalid("search")),
    target(COURSES + "?search=" + "x" * 8100, invalid("search")),
    target(COURSES + "?search=" + "x" * 8200, TARGET_TOO_LONG),
    target("/" + "a" * 8100, NOT_FOUND),
    target("/" + "a" * 8200, TARGET_TOO_LONG),
    target("/" + "a" * 30_000, TARGET_TOO_LONG),
    target("/" + "a/" * 4000, NOT_FOUND),
    target(COURSES + "?" + "&" * 1000, OK),
    target(COURSES + "?" + "a=1&" * 1000, invalid("a")),
    target(COURSES + "?a=1;b=2", invalid("a")),
    target(COURSES + "?=", invalid("body")),
    target(COURSES + "?%ed%a0%80=1", invalid("\ufffd\ufffd\ufffd")),
    target(COURSES + "?%00=1", invalid("\0")),
    target(COURSES + "?__proto__=1", invalid("__proto__")),
    target(COURSES + "?page[]=1", invalid("page[]")),
    target(f"{EMPLOYEES}/<their person>%2Ftraining", service="history"),
    target(f"{EMPLOYEES}/<person>/..%2f<their person>/training", service="history"),
]
"""The service knows some escaped spelling of its routes; the gateway routes by the plain one alone."""

HIDDEN_ROUTES = [
    target(INTERNAL, NOT_FOUND, Expected(403, "permission_denied")),
    target("/internal", NOT_FOUND),
    target("/metrics", NOT_FOUND),
    target("/admin", NOT_FOUND),
    target("/docs/../internal"),
    target("/.env", NOT_FOUND),
    target("/.git/config", NOT_FOUND),
    target("/etc/passwd", NOT_FOUND),
    target("/health/live/../../internal"),
    target("/.well-known/jwks.json?x=1", invalid("x"), NOT_FOUND),
    target("/api/v1/auth/me/..", MALFORMED),
]


def line(name: str, request_line: str, expected: Expected = NOT_HTTP) -> Case:
    return Case(f"line {name}", head(request_line, HOST, AUTHORIZED), expected)


METHODS = [
    *(
        line(method, f"{method} {COURSES} HTTP/1.1", wrong_method("GET", "HEAD", "POST"))
        for method in ("TRACE", "OPTIONS", "PUT", "DELETE", "PATCH")
    ),
    *(
        line(f"{method} {path}", f"{method} {path} HTTP/1.1", NOT_IMPLEMENTED)
        for method in ("PROPFIND", "PURGE", "SEARCH", "LOCK", "COPY", "FOO", "get", "Get", "GETT", "DEBUG", "TRACK")
        for path in (COURSES, "/nothing")
    ),
    Case("a method of nobody's with a body", send("FOO", COURSES, "GET / HTTP/1.1"), NOT_IMPLEMENTED),
    line("HEAD", f"HEAD {COURSES} HTTP/1.1", OK),
    line("HEAD of one", f"HEAD {COURSES}/<course> HTTP/1.1", OK),
    line("HEAD of nothing", "HEAD /nothing HTTP/1.1", NOT_FOUND),
    line("HEAD of what is theirs", f"HEAD {COURSES}/<their course> HTTP/1.1", NOT_FOUND),
    line("HEAD of health", "HEAD /health/live HTTP/1.1", OK),
    line("POST to health", "POST /health/live HTTP/1.1", wrong_method("GET", "HEAD")),
    Case("HEAD without a token", head(f"HEAD {COURSES} HTTP/1.1", HOST), NO_TOKEN),
    line("CONNECT", "CONNECT 127.0.0.1:80 HTTP/1.1"),
    line("CONNECT to a path", f"CONNECT {COURSES} HTTP/1.1"),
    line("OPTIONS *", "OPTIONS * HTTP/1.1", MALFORMED),
    *(
        line(repr(method), f"{method} {COURSES} HTTP/1.1")
        for method in ("GE T", "GET\0", "", "GET\t", "G" * 5000, "(GET)", "F\xd6\xd6")
    ),
]

LINES = [
    line("HTTP/0.9", f"GET {COURSES}"),
    line("HTTP/1.0", f"GET {COURSES} HTTP/1.0", Expected(200, closes=True)),
    *(
        line(version or "no version", f"GET {COURSES} {version}")
        for version in (
            "HTTP/0.9 ",
            "HTTP/1.2",
            "HTTP/1.9",
            "HTTP/2.0",
            "HTTP/3.0",
            "HTTP/1",
            "HTTP/1.1.1",
            "HTTP/11",
            "http/1.1",
            "HTTPS/1.1",
            "ICE/1.0",
            "RTSP/2.0",
            "HTTP/1.1 x",
            "HTTP/-1.1",
            "HTTP/1.\xb9",
        )
    ),
    line("RTSP/1.0, which the parser takes for HTTP/1.0", f"GET {COURSES} RTSP/1.0", Expected(200, closes=True)),
    line("two blanks", f"GET  {COURSES} HTTP/1.1", OK),
    line("tabs", f"GET\t{COURSES}\tHTTP/1.1"),
    line("a blank first", f" GET {COURSES} HTTP/1.1"),
    line("NUL first", f"\0GET {COURSES} HTTP/1.1"),
    line("a byte order mark", f"\xef\xbb\xbfGET {COURSES} HTTP/1.1"),
    line("an empty line first", f"\r\n\r\nGET {COURSES} HTTP/1.1", OK),
    line("bare LF at its end", f"GET {COURSES} HTTP/1.1\nX-Note: x"),
    Case("bare LF everywhere", get(COURSES).replace("\r\n", "\n"), NOT_HTTP),
    Case("bare CR everywhere", get(COURSES).replace("\r\n", "\r"), NOT_HTTP),
    Case("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NOT_HTTP),
    Case("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", NOT_HTTP),
    Case("an answer", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NOT_HTTP),
    Case("SMTP", "EHLO example.com\r\n", NOT_HTTP),
    Case("PROXY protocol", "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + get(COURSES), NOT_HTTP),
    Case("random bytes", "\x8f\x01\xe2\x00\x13" * 50, NOT_HTTP),
]

FAMILY = Family("targets", [*FORMS, *DOTS, *ENCODED, *HIDDEN_ROUTES, *METHODS, *LINES], 160)
