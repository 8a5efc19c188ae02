"""Bodies: media types, sizes, JSON as RFC 8259 wants it, and values outside of what a field can be."""

from tests.security.corpus import (
    AUTHORIZED,
    BAD_JSON,
    COURSES,
    ENROLLMENTS,
    HOST,
    JSON,
    NOT_FOUND,
    NOT_JSON,
    TOO_LARGE,
    Case,
    Expected,
    Family,
    course,
    get,
    head,
    invalid,
    post,
    send,
)

NOT_AN_OBJECT = invalid("body")
REQUIRED = ("title", "category", "delivery_mode", "duration_hours")
FIRST_MEMBERS = [f"m{number}" for number in range(20)]


def members(count: int) -> str:
    return "{" + ",".join(f'"m{number}":1' for number in range(count)) + "}"


def typed(name: str, content_type: str, expected: Expected = NOT_JSON, *headers: str) -> Case:
    return Case(f"type {name}", post(course(), *headers, content_type=content_type), expected)


def login(name: str, body: str, expected: Expected) -> Case:
    return Case(f"login {name}", send("POST", "/api/v1/auth/login", body), expected, direct=NOT_FOUND)


TYPES = [
    typed("absent", ""),
    typed("empty", "Content-Type:"),
    typed("text", "Content-Type: text/plain"),
    typed("form", "Content-Type: application/x-www-form-urlencoded"),
    typed("multipart", "Content-Type: multipart/form-data; boundary=x"),
    typed("merge patch", "Content-Type: application/merge-patch+json"),
    typed("jsonp", "Content-Type: application/javascript"),
    typed("json with a suffix", "Content-Type: application/jsonx"),
    typed("json in text", "Content-Type: text/json"),
    typed("a list", "Content-Type: application/json, text/plain"),
    typed("Latin-1", "Content-Type: application/json; charset=latin-1"),
    typed("UTF-16", "Content-Type: application/json; charset=utf-16"),
    typed("UTF-7", "Content-Type: application/json; charset=utf-7"),
    typed("another parameter", "Content-Type: application/json; profile=x"),
    typed("UTF-8 and another parameter", "Content-Type: application/json; charset=utf-8; a=b"),
    typed("UTF-8 twice", "Content-Type: application/json; charset=utf-8; charset=utf-8"),
    typed("UTF-8 in broken quotes", 'Content-Type: application/json; charset=ut"f-8"'),
    typed("UTF-8 without a semicolon", "Content-Type: application/json charset=utf-8"),
    Case(
        "type UTF-8 and a semicolon",
        send("POST", COURSES, "{}", content_type="Content-Type: application/json; charset=utf-8;"),
        invalid(*REQUIRED),
    ),
    Case(
        "type quoted UTF-8 in capitals",
        send("POST", COURSES, "{}", content_type='Content-Type: APPLICATION/JSON;CHARSET="UTF-8" ; '),
        invalid(*REQUIRED),
    ),
    typed("gzip", JSON, NOT_JSON, "Content-Encoding: gzip"),
    typed("deflate", JSON, NOT_JSON, "Content-Encoding: deflate"),
    typed("br", JSON, NOT_JSON, "Content-Encoding: br"),
    typed("identity", JSON, NOT_JSON, "Content-Encoding: identity"),
    typed("gzip twice", JSON, NOT_JSON, "Content-Encoding: gzip, gzip"),
]

_FULL = "x" * (1024 * 1024)
SIZES = [
    Case("1 MiB and one byte", post('"' + _FULL[1:] + '"'), TOO_LARGE),
    Case("2 MiB", post('"' + _FULL * 2 + '"'), TOO_LARGE),
    Case("1 MiB of blanks", post(" " * 1024 * 1024), BAD_JSON),
    Case("1 MiB of brackets", post("[" * 1024 * 1024), TOO_LARGE),
    Case("1 MiB of commas", post("," * 1024 * 1024), TOO_LARGE),
    Case("1 MiB of commas as a title", post(course(title='"' + "," * 1_000_000 + '"')), invalid("title")),
    Case("10,001 values", post('{"x": [' + ",".join(["0"] * 9_999) + "]}"), TOO_LARGE),
    Case("10,000 values", post('{"x": [' + ",".join(["0"] * 9_998) + "]}"), invalid(*REQUIRED, "x")),
    Case("10,000 texts and one", post('{"x": [' + ",".join(['"a,b"'] * 9_999) + "]}"), TOO_LARGE),
    Case("90,000 members nobody knows", post(members(90_000)), TOO_LARGE),
    Case("9,999 members nobody knows", post(members(9_999)), invalid(*REQUIRED, *FIRST_MEMBERS[:16])),
    Case(
        "9,999 members nobody knows for an enrollment",
        send("POST", ENROLLMENTS, members(9_999)),
        invalid("session_id", "employee_ids", *FIRST_MEMBERS[:18]),
        service="enrollment",
    ),
    Case(
        "9,999 members nobody knows in a patch",
        send("PATCH", f"{COURSES}/<course>", members(9_999)),
        invalid(*FIRST_MEMBERS),
    ),
    Case(
        "labels of 190 members nobody knows each",
        post(course(labels="[" + ",".join([members(190)[:-1] + ',"id":1,"name":"x"}'] * 50) + "]")),
        invalid("labels", *(f"labels.0.{name}" for name in FIRST_MEMBERS[:19])),
    ),
    Case(
        "500 people of whom none is a number",
        send("POST", ENROLLMENTS, '{"session_id": 1, "employee_ids": [' + ",".join(['"a"'] * 500) + "]}"),
        invalid(*(f"employee_ids.{position}" for position in range(20))),
        service="enrollment",
    ),
    login("8 KiB and a byte", '{"email": "' + "x" * (8 * 1024 - 12) + '"}', TOO_LARGE),
    login("90,000 members nobody knows", members(90_000), TOO_LARGE),
    login("101 values", '{"email": [' + ",".join(["0"] * 99) + "]}", TOO_LARGE),
    login("members nobody knows", members(90), invalid("email", "password", *FIRST_MEMBERS[:18])),
    login("an address of two lines", '{"email": "a@b.example\\u0085", "password": "x"}', invalid("email")),
    Case("a name of 1 MB", post('{"' + "n" * 1_000_000 + '": 1}'), invalid(*REQUIRED, "n" * 99 + "\u2026")),
    Case("a name of 500 KB twice", post('{"' + '": 1, "'.join(["n" * 500_000] * 2) + '": 1}'), BAD_JSON),
    Case("1 MiB of digits", post("9" * 1024 * 1024), BAD_JSON),
    Case("a body on a GET", get(COURSES, "Content-Length: 2", JSON) + "{}", Expected(200)),
    Case(
        "a large body on a path of nobody",
        head("POST /nothing HTTP/1.1", HOST, AUTHORIZED, f"Content-Length: {len(_FULL)}") + _FULL,
        Expected(404, "not_found"),
    ),
    Case(
        "a field on a route without any",
        send("PATCH", f"{ENROLLMENTS}/<enrollment>/cancel", '{"reason": "x"}'),
        invalid("reason"),
        service="enrollment",
    ),
    Case(
        "no object on a route without any field",
        send("PATCH", f"{ENROLLMENTS}/<enrollment>/cancel", "[]"),
        NOT_AN_OBJECT,
        service="enrollment",
    ),
    Case("a body on a DELETE", send("DELETE", f"{COURSES}/<other course>", '{"force": true}'), invalid("force")),
]


def text(name: str, body: str, expected: Expected = BAD_JSON) -> Case:
    return Case(f"text {name}", post(body), expected)


SYNTAX = [
    text("empty", ""),
    text("a blank", " "),
    text("NUL", "\0"),
    text("an open brace", "{"),
    text("a closing brace", "}"),
    text("two objects", "{}{}"),
    text("more behind it", course() + "x"),
    text("NUL behind it", course() + "\0"),
    text("a comma too many", '{"title": "x",}'),
    text("single quotes", "{'title': 'x'}"),
    text("no quotes", "{title: 1}"),
    text("a comment", "{/* */}"),
    text("a byte order mark", "\xef\xbb\xbf" + course()),
    text("UTF-16", course().encode("utf-16").decode("latin-1")),
    text("UTF-32", course().encode("utf-32").decode("latin-1")),
    text("Latin-1", '{"title": "\xe9"}'),
    text("overlong UTF-8", '{"title": "\xc0\xae"}'),
    text("a surrogate in UTF-8", '{"title": "\xed\xa0\x80"}'),
    text("beyond Unicode", '{"title": "\xf4\x90\x80\x80"}'),
    text("a bare control byte", '{"title": "a\nb"}'),
    text("a bare NUL in text", '{"title": "a\0b"}'),
    text("a bad escape", '{"title": "\\x41"}'),
    text("half an escape", '{"title": "\\u00"}'),
    text("NaN", course(duration_hours="NaN")),
    text("Infinity", course(duration_hours="Infinity")),
    text("-Infinity", course(duration_hours="-Infinity")),
    text("a sign", course(duration_hours="+1")),
    text("zeros first", course(duration_hours="01")),
    text("an exponent of 20 digits", course(duration_hours="1e99999999999999999999")),
    text("a negative exponent of 20 digits", course(duration_hours="-1e-99999999999999999999")),
    text("hex", course(duration_hours="0x1")),
    text("a point first", course(duration_hours=".5")),
    text("a point last", course(duration_hours="1.")),
    text("an underscore", course(duration_hours="1_0")),
    text("5,000 digits", course(duration_hours="9" * 5000)),
    text("5,000 decimals", course(duration_hours="0." + "9" * 5000)),
    text("a member twice", '{"title": "a", "title": "b"}'),
    text("a member twice, once escaped", '{"title": "a", "\\u0074itle": "b"}'),
    text("a member twice within", course(labels='[{"id": 1, "id": 2, "name": "x"}]')),
    text("33 levels", '{"x": ' + "[" * 32 + "]" * 32 + "}"),
    text("100,000 levels", "[" * 100_000 + "]" * 100_000, TOO_LARGE),
    text("5,000 levels", "[" * 5_000 + "]" * 5_000),
    text("100,000 objects in one another", '{"a":' * 100_000, TOO_LARGE),
    text("a form", "title=x&category=safety"),
    text("XML", '<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>'),
    text("a list", "[]", NOT_AN_OBJECT),
    text("a list of good ones", f"[{course()}]", NOT_AN_OBJECT),
    text("null", "null", NOT_AN_OBJECT),
    text("true", "true", NOT_AN_OBJECT),
    text("a number", "1", NOT_AN_OBJECT),
    text("text", '"title"', NOT_AN_OBJECT),
    text("no members", "{}", invalid(*REQUIRED)),
    text("__proto__", course(__proto__="{}"), invalid("__proto__")),
    text("an empty name", '{"": 1}', Expected(422, "validation_failed", names=(*REQUIRED, "body"))),
    text("a lone surrogate as a name", '{"\\ud800": 1}'),
    text("a lone surrogate", course(title='"\\ud800"')),
    text("two halves in the wrong order", course(title='"\\udc00\\ud800"')),
    text("1,001 digits", course(duration_hours="9" * 1001)),
    text("1,001 decimals", course(duration_hours="0." + "9" * 1001)),
    text("100 numbers of 5,000 digits", '{"x": [' + ",".join(["9" * 5000] * 100) + "]}"),
    text("32 levels", '{"x": ' + "[" * 31 + "]" * 31 + "}", invalid(*REQUIRED, "x")),
]

FAMILY = Family("bodies", [*TYPES, *SIZES, *SYNTAX], 110)
