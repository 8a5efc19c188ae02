"""Bodies of forms, read as strictly as JSON is."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.auth.internal_token import Caller
from shared.errors import ApiError, BadRequest, NotFound, ValidationFailed
from shared.http.body import is_media_type
from shared.http.form import FORM_TYPE, parse_form
from shared.http.models import Body, BodyLimits, Query
from shared.http.responses import Answer
from shared.http.routing import VERIFIER, Call, Route, add_routes
from shared.http.server.app import create_app
from tests.support.raw_http import exchange
from tests.support.stack import serving


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", {}),
        (b"&&", {}),
        (b"a=1", {"a": "1"}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=&b=2&c", {"b": "2"}),
        (b"a=x+y%20z%2B", {"a": "x y z+"}),
        (b"a=%C3%A9", {"a": "\u00e9"}),
        ("a=\u00e9".encode(), {"a": "\u00e9"}),
        (b"a=1=2", {"a": "1=2"}),
        (b"a=%zz", {"a": "%zz"}),
        (b"=1", {"": "1"}),
    ],
)
def test_a_form_has_texts_by_name(body: bytes, fields: dict[str, str]) -> None:
    assert parse_form(body, 10) == fields


@pytest.mark.parametrize("body", [b"a=\xff", b"a=%FF", b"%FF=1", b"a=%ED%A0%80", b"a=1&b=%C3"])
def test_a_form_that_is_not_utf_8_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="not UTF-8"):
        parse_form(body, 10)


@pytest.mark.parametrize("body", [b"a=1&a=1", b"a=1&%61=2", b"a=&a=1", b"a&a", b"b=1&a=1&a=2"])
def test_a_field_that_is_given_twice_is_named(body: bytes) -> None:
    with pytest.raises(ValidationFailed) as refused:
        parse_form(body, 10)
    assert refused.value.details["errors"] == {"a": ["This parameter is given more than once."]}


def test_a_form_has_a_bound() -> None:
    assert len(parse_form(b"&".join(b"a%d=1" % number for number in range(10)), 10)) == 10
    with pytest.raises(BadRequest, match="more than 10 fields"):
        parse_form(b"&" * 10, 10)


_TEXT = st.characters(exclude_categories=["Cs"])


@given(st.dictionaries(st.text(_TEXT), st.text(_TEXT, min_size=1), max_size=9))
def test_what_is_written_is_read(fields: dict[str, str]) -> None:
    assert parse_form(urlencode(fields).encode(), 10) == fields


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        parse_form(body, 10)
    except (BadRequest, ValidationFailed):
        return


def test_a_form_has_its_own_media_type() -> None:
    assert is_media_type("Application/X-WWW-Form-Urlencoded; charset=UTF-8", FORM_TYPE)
    assert not is_media_type("application/json", FORM_TYPE)
    assert not is_media_type(f"{FORM_TYPE}; charset=latin-1", FORM_TYPE)


class _AnyToken:
    def verify(self, _: str) -> Caller:
        return Caller(7, "user-1", "Ann", "staff", frozenset({"api.access"}))


class _Fields(Body):
    a: str
    b: str = "-"


class _Teapot(ApiError):
    status = 418

    def body(self) -> dict[str, Any]:
        return {"error": self.message}


async def _answer(call: Call[Query, _Fields]) -> Answer:
    if call.body.a == "missing":
        raise NotFound("gone")
    return Answer(f'"{call.body.a} {call.body.b}"')


@pytest.mark.parametrize(
    ("content_type", "body", "answered"),
    [
        (FORM_TYPE, "a=1&b=2", (200, '"1 2"')),
        (FORM_TYPE, "b=2", (418, '{"error": "The given data was invalid."}')),
        (FORM_TYPE, "a=1&unknown=1", (418, '{"error": "The given data was invalid."}')),
        (FORM_TYPE, "a=missing", (418, '{"error": "gone"}')),
        (FORM_TYPE, "a=" + "x" * 99, (418, '{"error": "The body is too large."}')),
        ("application/json", '{"a": "1"}', (418, '{"error": "The body must be application/x-www-form-urlencoded."}')),
    ],
)
async def test_a_route_takes_a_form_and_gives_its_errors_their_own_form(
    content_type: str, body: str, answered: tuple[int, str]
) -> None:
    route = Route("POST", "/form", _answer, {}, body=_Fields, form=True, own_errors=_teapot, limits=BodyLimits(99, 10))
    app = create_app()
    app[VERIFIER] = _AnyToken()  # type: ignore[misc]
    add_routes(app, [route])
    head = f"POST /form HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Type: {content_type}"
    async with serving(app) as url:
        asked = await exchange(url, f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    assert [(each.status, each.body.decode()) for each in asked.answers] == [answered]


def _teapot(error: ApiError) -> ApiError:
    return _Teapot(error.message)
