import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.catalog.schemas import Hours, Money, Score
from shared.errors import MalformedJson, TooManyValues
from shared.http.body import is_media_type, read_json
from shared.http.models import JSON_TYPE, MAX_BODY_BYTES, BodyLimits
from shared.http.request import Request
from shared.http.responses import Answer
from shared.http.server.app import create_app
from shared.http.server.responder import RESPONDER
from shared.validation.fields import Id
from shared.validation.strict_json import MAX_DEPTH, MAX_DIGITS, MAX_VALUES, parse_json
from tests.support.seen import count_values
from tests.support.stack import serving

Post = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json; charset=utf-8;",
        "application/json;",
        "application/json ;; Charset=UTF-8 ; ",
        'application/json;charset="UTF-8"',
    ],
)
def test_json_in_utf8_is_accepted(content_type: str) -> None:
    assert is_media_type(content_type, JSON_TYPE)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/jsonp",
        "application/problem+json",
        "application/json; charset=latin-1",
        'application/json; charset="latin-1";',
        'application/json; charset=ut"f-8',
        "application/json; charset=utf-8; charset=utf-8",
        "application/json charset=utf-8",
        "; application/json",
        "application/json; boundary=x",
        "application/json, text/plain",
        "application/x-www-form-urlencoded",
    ],
)
def test_another_media_type_is_not_json(content_type: str) -> None:
    assert not is_media_type(content_type, JSON_TYPE)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "line 1 column 1"),
        (b"{} {}", "trailing characters"),
        (b"{'a': 1}", "not valid JSON"),
        (b"[1,]", "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'"\xff"', "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'{"a": 1, "a": 2}', 'the key "a" appears more than once in an object at line 1 column 14'),
        (b'{"a": {"b": 1, "\\u0062": 2}}', 'the key "b" appears more than once'),
        (b'"\\ud800"', "not valid JSON"),
        (b'"\\udc00\\ud800"', "surrogate"),
        (b"NaN", "not valid JSON"),
        (b"[-Infinity]", "not valid JSON"),
        (b"01", "not valid JSON"),
        (b"+1", "not valid JSON"),
        (b'"\n"', "not valid JSON"),
        (b"9" * (MAX_DIGITS + 1), f"more than {MAX_DIGITS} digits"),
        (b"1e" + b"9" * 20, "exponent is too large"),
        (b"0." + b"9" * MAX_DIGITS, f"more than {MAX_DIGITS} digits"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), f"deeper than {MAX_DEPTH} levels"),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, f"deeper than {MAX_DEPTH} levels"),
    ],
)
def test_what_is_no_strict_json_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedJson) as raised:
        parse_json(body)
    assert reason in raised.value.message


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"null", None),
        (b' {"a": [true, "\\u00e9\xc3\xa9"]} ', {"a": [True, "éé"]}),
        (b"1.10", Decimal("1.10")),
        (b"-0", 0),
        (b"9" * MAX_DIGITS, int("9" * MAX_DIGITS)),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)),
    ],
)
def test_strict_json_is_read(body: bytes, value: Any) -> None:
    assert parse_json(body) == value


def test_fractions_keep_their_digits() -> None:
    assert str(parse_json(b"200.00")) == "200.00"


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        parse_json(body)
    except MalformedJson:
        return


_SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(st.characters(codec="utf-8"))


@given(st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner)))
def test_what_json_writes_is_read_back_and_counted_exactly(value: Any) -> None:
    body, count = json.dumps(value).encode(), count_values(value)
    assert parse_json(body, count) == value
    if count > 1:
        with pytest.raises(TooManyValues):
            parse_json(body, count - 1)


@asynccontextmanager
async def posting(limits: BodyLimits) -> AsyncIterator[Post]:
    async def echo(request: Request) -> Answer:
        return Answer(json.dumps(await read_json(request, limits)))

    app = create_app()
    app[RESPONDER].handler = echo
    async with serving(app, shutdown_timeout=0.1) as url, aiohttp.ClientSession() as http:

        async def post(body: Any, **headers: str) -> tuple[int, Any]:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with http.post(url, data=body, headers=named) as response:
                return response.status, await response.json()

        yield post


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    async with posting(BodyLimits()) as post:
        yield post


async def test_a_body_of_the_largest_size_is_read(post: Post) -> None:
    text = "x" * (MAX_BODY_BYTES - 2)
    assert await post(f'"{text}"'.encode(), Content_Type="application/json") == (200, text)


async def test_one_byte_more_is_too_large(post: Post) -> None:
    status, answer = await post(b" " * (MAX_BODY_BYTES + 1), Content_Type="application/json")
    assert (status, answer["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    "headers", [{"Content_Type": "text/plain"}, {"Content_Type": "application/json", "Content_Encoding": "gzip"}]
)
async def test_a_body_that_is_not_plain_json_is_an_unsupported_media_type(post: Post, headers: dict[str, str]) -> None:
    status, answer = await post(b"{}", **headers)
    assert (status, answer["code"]) == (415, "unsupported_media_type")


async def test_malformed_json_is_a_bad_request(post: Post) -> None:
    status, answer = await post(b"{", Content_Type="application/json")
    assert (status, answer["code"]) == (400, "malformed_json")


COUNTED = [
    b"[" + b",".join([b"1"] * (MAX_VALUES - 1)) + b"]",
    b"[" + b" , ".join([b"{ }", b"[\n]"] * (MAX_VALUES // 2 - 1)) + b",1]",
    b'{"a": [' + b",".join([b'"a,b[{\\",\\\\"'] * (MAX_VALUES - 2)) + b"]}",
    b"{" + b",".join(b'"%d,": ""' % number for number in range(MAX_VALUES - 1)) + b"}",
]


@pytest.mark.parametrize("body", COUNTED, ids=["numbers", "empty ones", "texts", "members"])
def test_as_many_values_as_allowed_are_read_and_one_more_is_too_large(body: bytes) -> None:
    assert count_values(parse_json(body)) == MAX_VALUES
    more = body[:-1] + (b",0]" if body.endswith(b"]") else b',"x": 0}')
    with pytest.raises(TooManyValues) as raised:
        parse_json(more)
    assert raised.value.status == 413
    assert parse_json(more, MAX_VALUES + 1) is not None


@pytest.mark.parametrize(
    "text", ["," * 100_000, "[" * 100_000, "{" * 100_000, "9" * 100_000, '\\",' * 100_000, "\\\\" * 100_000]
)
def test_what_is_text_is_one_value(text: str) -> None:
    assert count_values(parse_json(f'{{"x": "{text}"}}'.encode())) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"," * MAX_BODY_BYTES,
        b"[" * MAX_BODY_BYTES,
        b'"",' * (MAX_BODY_BYTES // 3),
        b"[" + b"{}," * (MAX_BODY_BYTES // 3),
    ],
)
def test_too_many_values_are_refused_before_anything_is_built(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.validation.strict_json.from_json", None)
    with pytest.raises(TooManyValues):
        parse_json(body)


def test_a_repeated_name_is_told_shortly() -> None:
    with pytest.raises(MalformedJson) as raised:
        parse_json(b'{"' + b"n" * 500_000 + b'": 1, "' + b"n" * 500_000 + b'": 1}')
    assert len(raised.value.message) < 300


@pytest.mark.parametrize("number", [b"1e999999999999999999", b"1e-999999999", b"-0.0", b"9" * MAX_DIGITS])
def test_no_number_takes_long_to_check(number: bytes) -> None:
    value = parse_json(number)
    for kind in (Hours, Money, Score, Id):
        with contextlib.suppress(ValidationError):
            TypeAdapter(kind).validate_python(value)


async def test_a_route_may_take_less(post_little: Post) -> None:
    assert (await post_little(b'["x"]', Content_Type="application/json"))[0] == 200
    for body in (b'["' + b"x" * 100 + b'"]', b"[1, 2]"):
        status, answer = await post_little(body, Content_Type="application/json")
        assert (status, answer["code"]) == (413, "payload_too_large"), body


async def test_what_a_route_does_not_take_is_refused_while_it_is_read(post_little: Post) -> None:
    status, answer = await post_little(chunks(), Content_Type="application/json")
    assert (status, answer["code"]) == (413, "payload_too_large")


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(101):
        yield b"x"


@pytest.fixture
async def post_little() -> AsyncIterator[Post]:
    async with posting(BodyLimits(max_bytes=100, max_values=2)) as post:
        yield post
