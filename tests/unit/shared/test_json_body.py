import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import MalformedJson
from shared.http.body import MAX_BODY_BYTES, MAX_DEPTH, MAX_DIGITS, is_json, parse_json, read_json
from shared.http.server import create_app
from tests.support.stack import serving

Post = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"'],
)
def test_json_in_utf8_is_accepted(content_type: str) -> None:
    assert is_json(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/jsonp",
        "application/problem+json",
        "application/json; charset=latin-1",
        "application/json; boundary=x",
        "application/json, text/plain",
        "application/x-www-form-urlencoded",
    ],
)
def test_another_media_type_is_not_json(content_type: str) -> None:
    assert not is_json(content_type)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "line 1, column 2"),
        (b"{} {}", "Extra data"),
        (b"{'a': 1}", "not valid JSON"),
        (b"[1,]", "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'"\xff"', "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'{"a": 1, "a": 2}', "a key stands twice"),
        (b'{"a": {"b": 1, "\\u0062": 2}}', "a key stands twice"),
        (b"NaN", "NaN is not a JSON number"),
        (b"[-Infinity]", "-Infinity is not a JSON number"),
        (b"01", "not valid JSON"),
        (b"+1", "not valid JSON"),
        (b'"\n"', "not valid JSON"),
        (b"9" * (MAX_DIGITS + 1), f"more than {MAX_DIGITS} digits"),
        (b"1e" + b"9" * 20, "exponent is too large"),
        (b"0." + b"9" * MAX_DIGITS, f"more than {MAX_DIGITS} digits"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), f"deeper than {MAX_DEPTH} levels"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, f"deeper than {MAX_DEPTH} levels"),
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
def test_what_json_writes_is_read_back(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@pytest.fixture
async def post() -> Any:
    async def echo(request: web.Request) -> web.Response:
        return web.json_response(await read_json(request))

    app = create_app()
    app.router.add_post("/", echo)
    async with serving(app) as url, aiohttp.ClientSession() as http:

        async def post(body: bytes, **headers: str) -> tuple[int, Any]:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with http.post(url, data=body, headers=named) as response:
                return response.status, await response.json()

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
