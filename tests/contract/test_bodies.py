"""Bodies as RFC 8259 and the contract want them: anything else is refused clearly and changes nothing."""

import json
from typing import Any

import pytest

from tests.support.client import Answer, Client
from tests.support.routes import NO_ROWS, PUBLIC, Declared, example_body

WITH_BODY = [declared for declared in PUBLIC if declared.route.body is not None]
JSON = "application/json"


async def send(client: Client, declared: Declared, body: bytes, content_type: str | None = JSON) -> Answer:
    """Bodies are read before anybody looks for a row, so none is needed to have one refused."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    skip = ["Content-Type"] if content_type is None else []
    return await client.request(
        declared.route.method, declared.path(NO_ROWS), data=body, headers=headers, skip_auto_headers=skip
    )


def good_body(declared: Declared) -> dict[str, Any]:
    assert declared.route.body is not None
    return example_body(declared.route.body)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"title=x",
        b"{'title': 1}",
        b'{"title": 1,}',
        b'{"title": NaN}',
        b'{"title": -Infinity}',
        b'{"title": 1, "title": 2}',
        b'{"labels": [{"id": 1, "id": 2}]}',
        b'{"title": "\xff"}',
        b'\xef\xbb\xbf{"title": 1}',
        '{"title": "x"}'.encode("utf-16"),
        b'{"title": ' + b"[" * 32 + b"]" * 32 + b"}",
        b"[" * 5_000,
        b'{"title": ' + b"9" * 5000 + b"}",
        b'{"title": 1} {"title": 2}',
        b'{"title": "a\nb"}',
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_what_is_not_json_is_malformed(admin: Client, body: bytes) -> None:
    answer = await send(admin, WITH_BODY[0], body)
    assert (answer.status, answer.json["code"]) == (400, "malformed_json"), answer.text


@pytest.mark.parametrize("declared", WITH_BODY, ids=str)
async def test_every_route_refuses_what_is_not_json(admin: Client, declared: Declared) -> None:
    assert (await send(admin, declared, b"{")).json["code"] == "malformed_json"


async def test_a_body_may_nest_32_levels_but_then_its_values_count(admin: Client) -> None:
    answer = await send(admin, WITH_BODY[0], b'{"titel": ' + b"[" * 31 + b"]" * 31 + b"}")
    assert answer.status == 422
    assert "titel" in answer.json["errors"]


@pytest.mark.parametrize("declared", WITH_BODY, ids=str)
@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"x"', b"true"])
async def test_a_body_must_be_an_object(admin: Client, declared: Declared, body: bytes) -> None:
    answer = await send(admin, declared, body)
    assert (answer.status, list(answer.json["errors"])) == (422, ["body"])


@pytest.mark.parametrize("declared", WITH_BODY, ids=str)
@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "application/json; charset=latin-1"],
)
async def test_another_media_type_is_refused(admin: Client, declared: Declared, content_type: str | None) -> None:
    body = json.dumps(good_body(declared)).encode()
    answer = await send(admin, declared, body, content_type)
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json; charset=UTF-8", "Application/JSON"])
async def test_the_media_type_may_name_utf8(admin: Client, content_type: str) -> None:
    body = json.dumps(good_body(WITH_BODY[0])).encode()
    assert (await send(admin, WITH_BODY[0], body, content_type)).status == 201


@pytest.mark.parametrize("declared", WITH_BODY, ids=str)
async def test_a_body_over_one_mebibyte_is_too_large(admin: Client, declared: Declared) -> None:
    answer = await send(admin, declared, b'{"x": "' + b"x" * 2**20 + b'"}')
    assert (answer.status, answer.json["code"]) == (413, "payload_too_large")


async def test_too_many_values_are_too_large(admin: Client) -> None:
    answer = await send(admin, WITH_BODY[0], b"[" + b"0," * 10_000 + b"0]")
    assert (answer.status, answer.json["code"]) == (413, "payload_too_large")
    assert "10,000 JSON values" in answer.json["message"]


async def test_what_is_told_of_many_errors_has_an_end(admin: Client) -> None:
    members = ",".join(f'"{number}{"n" * 90}": 1' for number in range(9_999))
    answer = await send(admin, WITH_BODY[0], f"{{{members}}}".encode())
    required = 4
    assert (answer.status, len(answer.json["errors"]), answer.json["errors_omitted"]) == (422, 20, 9_979 + required)
    assert answer.json["message"] == "The given data was invalid. 9,983 more errors are not listed."
    assert len(answer.text) < 65_536


@pytest.mark.parametrize("written", ["\\u0000", "a\\tb", "a\\r\\nb", "\\u001b[31m", "\\u007f", "\\u0085", "\\u2028"])
async def test_a_title_is_one_line_without_control_characters(admin: Client, written: str) -> None:
    good = json.dumps(good_body(WITH_BODY[0]))
    answer = await send(admin, WITH_BODY[0], good.replace("Leadership", f"Leader{written}ship").encode())
    assert (answer.status, list(answer.json["errors"])) == (422, ["title"])


@pytest.mark.parametrize("written", ["\\ud800", "\\udc00\\ud800"])
async def test_half_a_character_is_no_text(admin: Client, written: str) -> None:
    good = json.dumps(good_body(WITH_BODY[0]))
    answer = await send(admin, WITH_BODY[0], good.replace("Leadership", written).encode())
    assert (answer.status, answer.json["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("title", ["Ünïcødé 漢字 🚧", 'quotes " and \\ backslashes', "%_'; --"])
async def test_any_other_text_comes_back_as_it_was_sent(admin: Client, title: str) -> None:
    answer = await send(admin, WITH_BODY[0], json.dumps({**good_body(WITH_BODY[0]), "title": title}).encode())
    assert answer.status == 201, answer.text
    assert answer.data["title"] == title
