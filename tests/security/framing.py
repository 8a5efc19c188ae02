"""Where a request begins and ends: what two servers could read differently is read by none (RFC 9112, section 6).

A smuggled request would be answered behind the first one: every case tells how many answers came.
"""

from dataclasses import replace

from tests.security.corpus import (
    AUTHORIZED,
    BAD_JSON,
    COURSES,
    CUT_OFF,
    HOST,
    JSON,
    MALFORMED,
    NO_TOKEN,
    NOT_HTTP,
    NOT_IMPLEMENTED,
    OK,
    TARGET_TOO_LONG,
    TOO_LARGE,
    TOO_SLOW,
    Case,
    Expected,
    Family,
    get,
    head,
    invalid,
)

SMUGGLED = "GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n"
REQUIRED = invalid("title", "category", "delivery_mode", "duration_hours")
"""The body `{}` arrived whole, and is no course."""


def framed(name: str, *lines: str, body: str = "", expected: Expected = NOT_HTTP, version: str = "HTTP/1.1") -> Case:
    return Case(name, head(f"POST {COURSES} {version}", HOST, AUTHORIZED, JSON, *lines) + body, expected)


def chunked(name: str, body: str, expected: Expected = NOT_HTTP) -> Case:
    return framed(f"chunks: {name}", "Transfer-Encoding: chunked", body=body, expected=expected)


def content_length(value: str, body: str = "{}", expected: Expected = NOT_HTTP) -> Case:
    return framed(f"Content-Length {value!r}", f"Content-Length: {value}", body=body, expected=expected)


BOTH = [
    framed("CL.TE", "Content-Length: 6", "Transfer-Encoding: chunked", body="0\r\n\r\nG"),
    framed(
        "CL.TE with a request behind", "Content-Length: 5", "Transfer-Encoding: chunked", body="0\r\n\r\n" + SMUGGLED
    ),
    framed("TE.CL", "Transfer-Encoding: chunked", "Content-Length: 4", body="2\r\n{}\r\n0\r\n\r\n"),
    framed(
        "TE.CL with a request inside",
        "Transfer-Encoding: chunked",
        "Content-Length: 4",
        body=f"{len(SMUGGLED):x}\r\n{SMUGGLED}\r\n0\r\n\r\n",
    ),
    framed("TE.TE", "Transfer-Encoding: chunked", "Transfer-Encoding: identity", body="0\r\n\r\n"),
    framed("TE.TE the same", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body="0\r\n\r\n"),
    framed("CL and CL", "Content-Length: 2", "Content-Length: 3", body="{}"),
    framed("CL and the same CL", "Content-Length: 2", "Content-Length: 2", body="{}"),
]

LENGTHS = [
    content_length("+2"),
    content_length("-2"),
    content_length("0x2"),
    content_length("2 2"),
    content_length("2,2"),
    content_length("2, 3"),
    content_length("2.0"),
    content_length("2e0"),
    content_length(""),
    content_length("two"),
    content_length("\xb2"),
    content_length("99999999999999999999"),
    content_length("9223372036854775808", expected=Expected(413, "payload_too_large", closes=True)),
    content_length("1048577", expected=Expected(413, "payload_too_large", closes=True)),
    content_length("02", expected=REQUIRED),
    content_length("  2  ", expected=REQUIRED),
    framed("Content_Length is another header", "Content_Length: 2", expected=BAD_JSON),
]

CODINGS = [
    framed(f"Transfer-Encoding {value!r}", f"Transfer-Encoding: {value}", body="2\r\n{}\r\n0\r\n\r\n")
    for value in (
        "xchunked",
        "chunkedx",
        "identity",
        "gzip",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "chunked;q=1",
        '"chunked"',
        "chun ked",
        "\x0bchunked",
        ",chunked",
        "chunked,",
        "",
    )
]
CODINGS += [
    framed(
        "Transfer-Encoding in capitals", "TRANSFER-ENCODING: CHUNKED", body="2\r\n{}\r\n0\r\n\r\n", expected=REQUIRED
    ),
    framed(
        "Transfer-Encoding with a tab", "Transfer-Encoding:\tchunked", body="2\r\n{}\r\n0\r\n\r\n", expected=REQUIRED
    ),
    framed("Transfer-Encoding before a colon", "Transfer-Encoding : chunked", body="0\r\n\r\n"),
    framed(
        "Transfer-Encoding in HTTP/1.0", "Transfer-Encoding: chunked", body="2\r\n{}\r\n0\r\n\r\n", version="HTTP/1.0"
    ),
    framed("Transfer_Encoding is another header", "Transfer_Encoding: chunked", expected=BAD_JSON),
]

CHUNKS = [
    chunked("good", "2\r\n{}\r\n0\r\n\r\n", REQUIRED),
    chunked("in two", "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", REQUIRED),
    chunked("zeros before a size", "0002\r\n{}\r\n0\r\n\r\n", REQUIRED),
    chunked("an extension", "2;a=b\r\n{}\r\n0\r\n\r\n", REQUIRED),
    chunked("a trailer", "2\r\n{}\r\n0\r\nX-Note: x\r\n\r\n", REQUIRED),
    chunked("a trailer that names somebody", "2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n", REQUIRED),
    chunked("a trailer with a length", "2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n", NOT_HTTP),
    chunked("no size", "\r\n{}\r\n0\r\n\r\n"),
    chunked("a size that is none", "zz\r\n{}\r\n0\r\n\r\n"),
    chunked("a negative size", "-2\r\n{}\r\n0\r\n\r\n"),
    chunked("a size with a sign", "+2\r\n{}\r\n0\r\n\r\n"),
    chunked("a size with 0x", "0x2\r\n{}\r\n0\r\n\r\n"),
    chunked("a size with an underscore", "0_2\r\n{}\r\n0\r\n\r\n"),
    chunked("a size with a blank before", " 2\r\n{}\r\n0\r\n\r\n"),
    chunked("a size with a blank behind", "2 \r\n{}\r\n0\r\n\r\n"),
    chunked("a size of 2^68", "f" * 17 + "\r\n{}\r\n0\r\n\r\n"),
    chunked("bare LF behind the size", "2\n{}\r\n0\r\n\r\n"),
    chunked("bare LF behind the data", "2\r\n{}\n0\r\n\r\n"),
    chunked("bare CR behind the size", "2\r{}\r\n0\r\n\r\n"),
    chunked("LF in an extension", "2;a\nb\r\n{}\r\n0\r\n\r\n"),
    chunked("data longer than their size", "1\r\n{}\r\n0\r\n\r\n"),
    chunked("data shorter than their size", "3\r\n{}\r\n0\r\n\r\n"),
    chunked("a request as a chunk's size", SMUGGLED),
    chunked("one of 2 MiB", "200000\r\n" + "x" * 0x200000 + "\r\n0\r\n\r\n", TOO_LARGE),
    chunked("an extension of 12 KiB", f"2;a={'b' * 12_288}\r\n{{}}\r\n0\r\n\r\n", REQUIRED),
    chunked("an extension of 40 KiB", f"2;a={'b' * 40_960}\r\n{{}}\r\n0\r\n\r\n"),
    chunked("40 extensions of 1 KiB", f"1;a={'b' * 1024}\r\n \r\n" * 40 + "2\r\n{}\r\n0\r\n\r\n"),
    chunked("5 trailers of 8,100 bytes", "2\r\n{}\r\n0\r\n" + f"X-Note: {'x' * 8100}\r\n" * 5 + "\r\n"),
    chunked("a thousand of one byte", "1\r\n \r\n" * 1000 + "2\r\n{}\r\n0\r\n\r\n", REQUIRED),
]

_POST = head(f"POST {COURSES} HTTP/1.1", HOST, AUTHORIZED, JSON, "Content-Length: 2") + "{}"
_IN_CHUNKS = (HOST, AUTHORIZED, JSON, "Transfer-Encoding: chunked")
_EXPECTING = (HOST, AUTHORIZED, JSON, "Transfer-Encoding: chunked", "Expect: 100-continue")
SLOW = [
    framed("a body that never comes", "Content-Length: 2", expected=TOO_SLOW),
    framed("a body that stops", "Content-Length: 9", body="{", expected=TOO_SLOW),
    framed("chunks that stop", "Transfer-Encoding: chunked", body="5\r\n{", expected=TOO_SLOW),
    framed("chunks without an end", "Transfer-Encoding: chunked", body="2\r\n{}\r\n", expected=TOO_SLOW),
    Case("a head that stops", f"GET {COURSES} HTTP/1.1\r\nHost: x\r\nX-No", CUT_OFF),
    Case("a line that stops", "GET /api", CUT_OFF),
    Case("a head without its end", f"GET {COURSES} HTTP/1.1\r\nHost: x\r\n", CUT_OFF),
    Case("nothing at all but a line's end", "\r\n", CUT_OFF),
    Case(
        "chunks that break once they were asked for",
        head(f"POST {COURSES} HTTP/1.1", *_EXPECTING),
        Expected(400, "bad_request", closes=True),
        then="zz\r\n{}\r\n",
    ),
    Case(
        "a second head in the place of chunks",
        head(f"POST {COURSES} HTTP/1.1", *_EXPECTING),
        Expected(400, "bad_request", closes=True),
        then=SMUGGLED,
    ),
    Case(
        "chunks that come once they were asked for",
        head(f"POST {COURSES} HTTP/1.1", *_EXPECTING),
        REQUIRED,
        then="2\r\n{}\r\n0\r\n\r\n",
    ),
]

HIDDEN = [
    Case("a request in the body of a GET", get(COURSES, f"Content-Length: {len(SMUGGLED)}") + SMUGGLED, OK),
    Case(
        "a request in the body of one without a token",
        head(f"GET {COURSES} HTTP/1.1", HOST, f"Content-Length: {len(SMUGGLED)}") + SMUGGLED,
        NO_TOKEN,
    ),
    Case(
        "a request in the body of an unknown path",
        head("POST /nothing HTTP/1.1", HOST, f"Content-Length: {len(SMUGGLED)}") + SMUGGLED,
        Expected(404, "not_found"),
    ),
    Case(
        "a request in chunks to an unknown path",
        head("POST /nothing HTTP/1.1", HOST, "Transfer-Encoding: chunked")
        + f"{len(SMUGGLED):x}\r\n{SMUGGLED}\r\n0\r\n\r\n",
        Expected(404, "not_found"),
    ),
    Case(
        "a request in the body of a bad target",
        head("GET /a/../b HTTP/1.1", HOST, f"Content-Length: {len(SMUGGLED)}") + SMUGGLED,
        MALFORMED,
    ),
    Case(
        "a body with an Upgrade",
        head(
            f"POST {COURSES} HTTP/1.1",
            HOST,
            AUTHORIZED,
            JSON,
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Content-Length: 2",
        )
        + "{}",
        REQUIRED,
    ),
    *(
        Case(f"garbage behind {name}", good + "\x01\x02 garbage\r\n\r\n", replace(NOT_HTTP, before=before))
        for name, good, before in (
            ("a valid request", get(COURSES), (200,)),
            ("two", get(COURSES) * 2, (200, 200)),
            ("forty", get(COURSES) * 40, (200,) * 40),
            ("one with a body", _POST, (422,)),
            ("two, the first with a body", _POST + get(COURSES), (422, 200)),
            ("one in chunks", head(f"POST {COURSES} HTTP/1.1", *_IN_CHUNKS) + "2\r\n{}\r\n0\r\n\r\n", (422,)),
            ("one without a token", head(f"GET {COURSES} HTTP/1.1", HOST), (401,)),
        )
    ),
    Case(
        "garbage behind a valid request, later", get(COURSES), replace(NOT_HTTP, before=(200,)), then="\x01\x02\r\n\r\n"
    ),
    Case(
        "faulty framing behind a valid request",
        get(COURSES) + head(f"POST {COURSES} HTTP/1.1", HOST, AUTHORIZED, "Transfer-Encoding: gzip"),
        replace(NOT_HTTP, before=(200,)),
    ),
    Case(
        "faulty framing behind an Upgrade",
        get(COURSES, "Connection: Upgrade", "Upgrade: websocket")
        + head(f"POST {COURSES} HTTP/1.1", HOST, AUTHORIZED, "Transfer-Encoding: gzip, chunked")
        + "2\r\n{}\r\n0\r\n\r\n",
        replace(NOT_HTTP, before=(200,)),
    ),
    Case(
        "a target too long behind a valid request",
        get(COURSES) + get("/" + "a" * 8200),
        replace(TARGET_TOO_LONG, before=(200,)),
    ),
    Case(
        "an unknown method behind a valid request",
        get(COURSES) + head(f"FOO {COURSES} HTTP/1.1", HOST),
        replace(NOT_IMPLEMENTED, before=(200,)),
    ),
]

FAMILY = Family("framing", [*BOTH, *LENGTHS, *CODINGS, *CHUNKS, *SLOW, *HIDDEN], 100)
